package main

import (
	"strings"
	"testing"
)

// The ledger keeps what a reviewer asked for, and neither secrets nor places of the machine.
func TestCommandLine(t *testing.T) {
	for line, want := range map[string]string{
		"":                                    "entente",
		"--as eve show x --json":              "entente show x --json",
		"show --db postgres://u:secret@h/d x": "entente show x",
		"--db=postgres://u:secret@h/d --data=/d held-by --at 1": "entente held-by --at 1",
		"show --db": "entente show",
	} {
		if got := commandLine(strings.Fields(line)); got != want {
			t.Errorf("%q: %q; want %q", line, got, want)
		}
	}
}
