package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"entente"
)

// print writes v as JSON with --json, else what text says.
func (a *app) print(v any, text func(w io.Writer)) error {
	if !a.json {
		text(a.out)
		return nil
	}
	enc := json.NewEncoder(a.out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

// table writes rows in columns; the first row is the heading.
func table(w io.Writer, rows [][]string) {
	tw := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	for _, r := range rows {
		fmt.Fprintln(tw, strings.Join(r, "\t"))
	}
	tw.Flush()
}

// plain makes text of foreign origin safe for a terminal: no control characters, no
// marks that turn the direction of writing.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\t' || r == '\n':
			return ' '
		case r < 0x20, r >= 0x7f && r < 0xa0, r >= 0x202a && r <= 0x202e, r >= 0x2066 && r <= 0x2069, r == 0x200e, r == 0x200f, r == 0x061c:
			return '\ufffd'
		}
		return r
	}, s)
}

// shorten cuts s to at most n characters.
func shorten(s string, n int) string {
	r := []rune(s)
	if len(r) <= n {
		return s
	}
	return string(r[:n-1]) + "…"
}

// plural writes a count with its noun.
func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// terminal reports whether a stream is one that a person looks at.
func terminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// progress shows a bar with rate and time left while a person watches the error stream;
// for anyone else it does nothing. Total is in bytes, -1 if it is not known.
func (a *app) progress(total int64, what string) *progressbar.ProgressBar {
	return a.bar(total, what, progressbar.OptionShowBytes(true))
}

// counting is the same for things that are counted, such as "entries".
func (a *app) counting(total int64, what, unit string) *progressbar.ProgressBar {
	return a.bar(total, what, progressbar.OptionShowIts(), progressbar.OptionSetItsString(unit))
}

func (a *app) bar(total int64, what string, counted ...progressbar.Option) *progressbar.ProgressBar {
	return progressbar.NewOptions64(total, append(counted,
		progressbar.OptionSetVisibility(!a.json && terminal(a.err)),
		// With an interval a total that is not known would be drawn from a goroutine of the
		// library's own, which reads what it shares without a lock.
		progressbar.OptionSetSpinnerChangeInterval(0),
		progressbar.OptionSetWriter(a.err),
		progressbar.OptionSetDescription(shorten(plain(what), 40)),
		progressbar.OptionShowCount(),
		progressbar.OptionSetPredictTime(true),
		progressbar.OptionThrottle(100*time.Millisecond),
		progressbar.OptionClearOnFinish(),
		progressbar.OptionFullWidth(),
	)...)
}

// version is the module's version, with the commit where the build knows it.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	v := info.Main.Version
	if v == "" || v == "(devel)" {
		v = "development"
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && len(s.Value) >= 12 && !strings.Contains(v, s.Value[:12]) {
			v += " " + s.Value[:12]
		}
	}
	return v
}

// usagef says what is wrong with the command line.
func usagef(format string, args ...any) error { return entente.Errorf(entente.Usage, format, args...) }
