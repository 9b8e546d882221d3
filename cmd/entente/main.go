// Command entente runs and manages a node of Entente, an intelligence exchange for
// organisations that must work together without fully trusting each other.
//
// Run "entente --help" to begin.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"entente"
)

func main() {
	os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// run runs one command line and returns its exit status.
func run(args []string, in io.Reader, out, errOut io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	a := &app{in: in, out: out, err: errOut, token: os.Getenv("ENTENTE_TOKEN")}
	root := a.command()
	root.SetArgs(args)
	root.SetIn(in)
	root.SetOut(out)
	root.SetErr(errOut)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	return a.fail(err)
}

// fail tells the user what went wrong and returns the exit status for it.
func (a *app) fail(err error) int {
	kind := entente.KindOf(err)
	var typed *entente.Error
	text := err.Error() // the command line is its owner's: it may see causes
	if !errors.As(err, &typed) {
		kind = entente.Usage // what cobra says about flags and arguments
		text += "\nTry --help."
	}
	if errors.Is(err, context.Canceled) {
		kind = entente.Unavailable
	}
	if a.json {
		msg := map[string]any{"error": map[string]any{"kind": kind.String(), "message": text}}
		if b, err := json.Marshal(msg); err == nil {
			fmt.Fprintln(a.err, string(b))
		}
	} else {
		fmt.Fprintf(a.err, "entente: %s\n", text)
	}
	return kind.ExitCode()
}
