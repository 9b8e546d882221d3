package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"

	"entente"
)

// demoReason is in an event of the demo, and has the letter that somebody changes.
const demoReason = "a victim asked for it"

// outsider has somebody who trusts neither side check what happened.
func (g *agreeing) outsider(ctx context.Context) error {
	g.head("An outsider checks the ledger, in which every step is an event.")
	dir := filepath.Join(g.a.data, "ledger")
	export := []string{"ledger", "export", dir}
	g.typed(nil, export)
	text, err := g.try(ctx, nil, export...)
	if err != nil {
		return err
	}
	g.printed(strings.ReplaceAll(text, g.a.data+"/", ""))
	g.say("   With these files, and without the node:")
	verify := []string{"ledger", "verify", dir}
	g.typed(nil, verify)
	if text, err = g.try(ctx, nil, verify...); err != nil {
		return err
	}
	sound, _, _ := strings.Cut(text, "Signed by:") // the keys are wider than the demo
	g.printed(sound)
	g.say("   Somebody changes one letter of a reason that ann gave, and checks again:")
	file, at, err := letterOf(dir)
	if err != nil {
		return err
	}
	if err := flipByte(file, at); err != nil {
		return err
	}
	if err := g.runRefused(ctx, nil, verify...); err != nil {
		return err
	}
	g.say("   The letter is put back. What was cut off as a whole shows against a\n   checkpoint or a receipt that somebody else has kept (--seen).")
	return flipByte(file, at)
}

// letterOf finds a letter of the reason in the events of the main log.
func letterOf(dir string) (file string, at int64, err error) {
	files, err := filepath.Glob(filepath.Join(dir, "1", "main", "events", "*.p", "*"))
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			return "", 0, err
		}
		if i := bytes.Index(b, []byte(demoReason)); i >= 0 {
			return file, int64(i + strings.IndexByte(demoReason, 'v')), nil
		}
	}
	return "", 0, entente.Wrap(entente.Internal, err, "the demo's ledger does not have the reason that was given")
}

// flipByte changes a bit of a byte of a file; once more, and it is as it was.
func flipByte(name string, at int64) error {
	f, err := os.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	var b [1]byte
	if _, err := f.ReadAt(b[:], at); err != nil {
		return err
	}
	b[0] ^= 1
	_, err = f.WriteAt(b[:], at)
	return err
}
