package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"entente"
	"entente/node"
)

const remoteHelp = `
URL is that of the server, of its discovery, of an API root, or of a collection.
--remote-collection chooses the collection there by id, alias or title; it may be
left out where there is but one, and where the URL names it.

Sign-in: --user with --password-stdin (HTTP Basic), or --token-stdin. Secrets are
read from the first line of standard input, never from the command line. The
server's certificate is verified by the system's authorities, by those in --ca,
or by --fingerprint: the SHA-256 of its certificate or of its public key.

"add" keeps what it is given, the password, token or client key included, in the
node's database, as it is and not encrypted: DIR/entente.db, a file that only
its owner can read, or the database that --db names. Who can read the database
or a backup of it can read these secrets. "remove" deletes them. Without "add"
nothing is kept.`

// remoteFlags are the flags that say which collection of which server is meant.
type remoteFlags struct {
	collection, there, user, scheme, since, every string
	ca, fingerprint, cert, key                    string
	match                                         []string
	password, token, allowHTTP, quiet             bool
}

func (f *remoteFlags) add(cmd *cobra.Command, kept bool) {
	s := cmd.Flags()
	s.StringVarP(&f.collection, "collection", "c", "", "name, alias or id of this node's collection (required)")
	s.StringVar(&f.there, "remote-collection", "", "id, alias or title of the server's collection")
	s.StringVar(&f.user, "user", "", "name for HTTP Basic")
	s.BoolVar(&f.password, "password-stdin", false, "read the password from the first line of standard input")
	s.BoolVar(&f.token, "token-stdin", false, "read a token from the first line of standard input")
	s.StringVar(&f.scheme, "token-scheme", "Bearer", "what stands before the token: Bearer, or Token")
	s.StringVar(&f.ca, "ca", "", "file with the authorities to trust (PEM)")
	s.StringVar(&f.fingerprint, "fingerprint", "", "SHA-256 of the server's certificate or public key")
	s.StringVar(&f.cert, "client-cert", "", "file with a certificate to sign in with (PEM)")
	s.StringVar(&f.key, "client-key", "", "file with its private key (PEM)")
	s.BoolVar(&f.allowHTTP, "allow-http", false, "send the password or token over plain HTTP too")
	s.StringVar(&f.since, "since", "", "only what was added after this time, as 2026-01-31 or 2026-01-31T12:00:00Z")
	s.StringArrayVar(&f.match, "match", nil, "only what matches, as type=indicator,malware; may be repeated")
	if kept {
		s.StringVar(&f.every, "every", "", "run it this often while \"entente serve\" runs, as 5m or 1d")
	}
	cmd.MarkFlagRequired("collection")
	cmd.MarkFlagsMutuallyExclusive("password-stdin", "token-stdin")
	cmd.MarkFlagsRequiredTogether("client-cert", "client-key")
}

func quietFlag(cmd *cobra.Command, to *bool) {
	cmd.Flags().BoolVarP(to, "quiet", "q", false, "do not list refused and contested objects")
}

// remote makes what the flags describe; the server is asked where its collection is.
func (f *remoteFlags) remote(ctx context.Context, a *app, n *node.Node, who entente.Actor, d entente.Direction, address string) (entente.Remote, error) {
	r := entente.Remote{Direction: d}
	c, err := n.CollectionNamed(ctx, who, f.collection)
	if entente.KindOf(err) == entente.NotFound {
		return r, entente.Errorf(entente.NotFound, "there is no collection %q; add it with \"entente collection add\"", f.collection)
	}
	if err != nil {
		return r, err
	}
	r.Collection = c.ID
	if r.Since, err = parseSince(f.since); err != nil {
		return r, err
	}
	every, err := parsePeriod(f.every)
	if err != nil {
		return r, err
	}
	r.Every = every.Microseconds()
	for _, m := range f.match {
		field, value, ok := strings.Cut(m, "=")
		field = strings.TrimSuffix(strings.TrimPrefix(field, "match["), "]")
		if !ok || field == "" || value == "" || slices.ContainsFunc(r.Match, func(m entente.MatchField) bool { return m.Field == field }) {
			return r, usagef("--match %q is not of the form type=indicator,malware, each field once", m)
		}
		r.Match = append(r.Match, entente.MatchField{Field: field, Value: value})
	}
	if r.Access, err = f.access(a); err != nil {
		return r, err
	}
	return n.Locate(ctx, r, address, f.there)
}

func parseSince(s string) (int64, error) { return moment("since", s) }

// access reads the secrets and files that the flags name.
func (f *remoteFlags) access(a *app) (entente.RemoteAccess, error) {
	out := entente.RemoteAccess{User: f.user, Fingerprint: f.fingerprint, AllowHTTP: f.allowHTTP}
	for name, to := range map[string]*[]byte{f.ca: &out.CA, f.cert: &out.Certificate, f.key: &out.Key} {
		if name == "" {
			continue
		}
		b, err := os.ReadFile(name)
		if err != nil {
			return out, entente.Wrap(entente.NotFound, err, err.Error())
		}
		*to = b
	}
	var err error
	switch {
	case f.token && f.user != "":
		return out, usagef("--user goes with a password; a token needs none")
	case f.password && f.user == "":
		return out, usagef("--password-stdin needs --user")
	case f.token:
		out.Token, err = a.secretLine("token")
		out.TokenScheme = f.scheme
	case f.password:
		out.Password, err = a.secretLine("password")
	case f.user != "" && terminal(a.in):
		fmt.Fprintf(a.err, "Password of %s: ", plain(f.user))
		var b []byte
		b, err = term.ReadPassword(int(a.in.(*os.File).Fd()))
		fmt.Fprintln(a.err)
		out.Password = string(b)
	case f.user != "":
		return out, usagef("--user needs --password-stdin")
	}
	return out, err
}

func (a *app) secretLine(what string) (string, error) {
	line, err := bufio.NewReader(io.LimitReader(a.in, 16<<10)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", entente.Wrap(entente.Invalid, err, "the "+what+" could not be read from standard input")
	}
	if line = strings.TrimRight(line, "\r\n"); line == "" {
		return "", entente.Errorf(entente.Invalid, "standard input holds no %s", what)
	}
	return line, nil
}
