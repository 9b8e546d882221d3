package main

import (
	"bytes"
	"context"
	"strings"
	"unicode/utf8"

	"entente"
)

// demoWidth is how wide the demo's text is at most, in characters, where words allow it.
const demoWidth = 80

// person is somebody of home who decides; nil is the owner of the node.
type person struct{ name, token string }

// try runs a command of the real command line on the demo's node, beside its server, as
// somebody would type it. It gives what the command printed, or why it failed.
func (d *demo) try(ctx context.Context, who *person, args ...string) (string, error) {
	var out bytes.Buffer
	a := &app{in: strings.NewReader(""), out: &out, err: &out}
	flags := []string{"--data=" + d.a.data, "--db=" + d.a.db, "--as=", "--json=false"}
	if who != nil {
		a.token = who.token
		flags[2] += who.name
	}
	root := a.command()
	root.SetArgs(append(flags, args...))
	root.SetOut(&out)
	root.SetErr(&out)
	err := root.ExecuteContext(ctx)
	return out.String(), err
}

// run shows a command, runs it, and shows what it prints.
func (d *demo) run(ctx context.Context, who *person, args ...string) error {
	_, err := d.runFor(ctx, who, args...)
	return err
}

// runFor is run, and gives what was printed.
func (d *demo) runFor(ctx context.Context, who *person, args ...string) (string, error) {
	d.typed(who, args)
	text, err := d.try(ctx, who, args...)
	if err == nil {
		d.printed(text)
	}
	return text, err
}

// runQuietly is run without what the command prints.
func (d *demo) runQuietly(ctx context.Context, who *person, args ...string) error {
	d.typed(who, args)
	_, err := d.try(ctx, who, args...)
	return err
}

// runRefused shows a command that has to be refused, with the refusal. That it is done is
// a fault.
func (d *demo) runRefused(ctx context.Context, who *person, args ...string) error {
	d.typed(who, args)
	switch _, err := d.try(ctx, who, args...); {
	case err == nil:
		return entente.Errorf(entente.Internal, "the demo's command %q was done, and should have been refused", strings.Join(args, " "))
	case entente.KindOf(err) == entente.Internal:
		return err
	default:
		d.printed("entente: " + err.Error())
		return nil
	}
}

// typed shows a command line.
func (d *demo) typed(who *person, args []string) {
	words := []string{"$", "entente"}
	if who != nil {
		words = append(words, "--as", who.name)
	}
	for _, w := range args {
		words = append(words, shellWord(strings.TrimPrefix(w, d.a.data+"/")))
	}
	var b strings.Builder
	n := 0
	for i, w := range words {
		// A flag stays with its value.
		room := utf8.RuneCountInString(w) + 1
		if strings.HasPrefix(w, "--") && i+1 < len(words) && !strings.HasPrefix(words[i+1], "--") {
			room += utf8.RuneCountInString(words[i+1]) + 1
		}
		flags := i > 0 && (strings.HasPrefix(w, "--") || !strings.HasPrefix(words[i-1], "--"))
		switch {
		case i > 0 && flags && n+room > demoWidth-5:
			b.WriteString(" \\\n       ")
			n = 5
		case i > 0:
			b.WriteByte(' ')
			n++
		}
		b.WriteString(w)
		n += utf8.RuneCountInString(w)
	}
	d.say("   %s", b.String())
}

// printed shows what a command printed.
func (d *demo) printed(text string) {
	if text = strings.TrimRight(text, "\n"); text != "" {
		d.say("     %s", strings.ReplaceAll(text, "\n", "\n     "))
	}
}

// shellWord is a word as a shell reads it.
func shellWord(s string) string {
	if s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-/:=@+,", r)
	}) {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// fold breaks lines between words at the demo's width. What is folded stands two characters
// further in than its line.
func fold(text string) string {
	var out []string
	for _, line := range strings.Split(text, "\n") {
		body := strings.TrimLeft(line, " ")
		lead := line[:len(line)-len(body)]
		for first := true; first || body != ""; first = false {
			cut := breakAt(body, demoWidth-len(lead))
			out = append(out, strings.TrimRight(lead+body[:cut], " "))
			if first {
				lead += "  "
			}
			body = strings.TrimLeft(body[cut:], " ")
		}
	}
	return strings.Join(out, "\n")
}

// breakAt is where the first line of s ends, in bytes: behind the last word that has room, in
// characters, or behind the first word where none has.
func breakAt(s string, room int) int {
	end, n := 0, 0
	for i, r := range s {
		if r == ' ' && (n <= room || end == 0) {
			end = i
		}
		if n++; n > room && end > 0 {
			return end
		}
	}
	return len(s)
}
