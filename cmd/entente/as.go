package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"

	"entente"
	"entente/node"
)

// signIn is who acts: the account that --as names, once it has shown who it is, else the
// node's owner.
func (a *app) signIn(ctx context.Context, n *node.Node) (entente.Actor, error) {
	if a.as == "" {
		if a.asStdin {
			return entente.Actor{}, usagef("--as-stdin gives the password of --as NAME; say who signs in")
		}
		return entente.LocalActor(), nil
	}
	if a.token != "" && !a.asStdin {
		who, err := n.SignInToken(ctx, a.token)
		if err == nil && who.Account.Name != a.as {
			err = entente.Errorf(entente.Unauthenticated, "the token in ENTENTE_TOKEN is not one of %q", a.as)
		}
		return who, err
	}
	password, err := a.asPassword()
	if err != nil {
		return entente.Actor{}, err
	}
	return n.SignIn(ctx, a.as, password)
}

// asPassword gives the password of --as.
func (a *app) asPassword() (string, error) {
	switch {
	case a.asStdin:
		line, err := firstLine(a.in)
		if err == nil && line == "" {
			err = entente.Errorf(entente.Invalid, "standard input holds no password for --as")
		}
		return line, err
	case os.Getenv("ENTENTE_PASSWORD") != "":
		return os.Getenv("ENTENTE_PASSWORD"), nil
	case terminal(a.in):
		fmt.Fprintf(a.err, "Password of %s: ", plain(a.as))
		b, err := term.ReadPassword(int(a.in.(*os.File).Fd()))
		fmt.Fprintln(a.err)
		return string(b), err
	}
	return "", entente.Errorf(entente.Unauthenticated, "--as %s needs a token in ENTENTE_TOKEN (\"entente account token %s\" makes one), a password in ENTENTE_PASSWORD, or --as-stdin", a.as, a.as)
}

// firstLine reads one line and nothing beyond it: the rest of the input is the command's.
func firstLine(in io.Reader) (string, error) {
	var line []byte
	for b := make([]byte, 1); len(line) <= 4096; {
		n, err := in.Read(b)
		if n == 1 && b[0] != '\n' {
			line = append(line, b[0])
		}
		if n == 1 && b[0] == '\n' || errors.Is(err, io.EOF) {
			return strings.TrimRight(string(line), "\r"), nil
		}
		if err != nil {
			return "", entente.Wrap(entente.Invalid, err, "the password could not be read from standard input")
		}
	}
	return "", entente.Errorf(entente.Invalid, "the first line of standard input is longer than any password")
}
