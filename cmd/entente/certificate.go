package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"entente"
	"entente/node"
)

func (a *app) accountCertificate() *cobra.Command {
	var note, remove string
	cmd := &cobra.Command{
		Use:   "certificate NAME [FILE]",
		Short: "Let an account sign in with a client certificate, list its certificates, or remove one",
		Long: `With FILE (PEM, of which the certificate is read and nothing else) the account
signs in by showing that certificate over HTTPS, without a password or token.
The certificate is known by its public key: no authority has to have signed it,
and it may be self-made. It holds until its own end. A renewed one with the same
key is added again, and replaces the former.

Without FILE the certificates of the account are listed; --remove takes one
back, by its id or the SHA-256 of its key, with the next request.`,
		Example: `  openssl req -x509 -newkey ed25519 -nodes -days 365 -subj /CN=siem -keyout siem.key -out siem.pem
  entente account certificate siem siem.pem --note 'SIEM connector'
  entente account certificate siem`,
		Args: cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 2 && remove != "" {
				return usagef("add a certificate or remove one, not both")
			}
			if len(args) == 1 && note != "" {
				return usagef("--note belongs to a certificate that is added: name its file")
			}
			return a.with(cmd, mustExist, func(ctx context.Context, n *node.Node, who entente.Actor) error {
				acc, err := n.AccountNamed(ctx, who, args[0])
				switch {
				case err != nil:
					return err
				case remove != "":
					return a.removeCertificate(ctx, n, who, acc, remove)
				case len(args) == 1:
					return a.listCertificates(acc)
				}
				return a.addCertificate(ctx, n, who, acc, args[1], note)
			})
		},
	}
	cmd.Flags().StringVar(&note, "note", "", "what the certificate is for")
	cmd.Flags().StringVar(&remove, "remove", "", "id, or SHA-256 of the key, of a certificate to remove")
	return cmd
}

// maxCertificateFile is the most that is read of a file with a certificate, in bytes.
const maxCertificateFile = 1 << 20

func (a *app) addCertificate(ctx context.Context, n *node.Node, who entente.Actor, acc node.AccountInfo, file, note string) error {
	f, err := os.Open(file)
	if err != nil {
		kind := entente.Invalid
		if errors.Is(err, fs.ErrNotExist) {
			kind = entente.NotFound
		}
		return entente.Wrap(kind, err, "the certificate cannot be read: "+err.Error())
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxCertificateFile))
	if err != nil {
		return entente.Wrap(entente.Invalid, err, "the certificate cannot be read: "+err.Error())
	}
	add, err := node.ReadCertificate(text)
	if err != nil {
		return entente.Wrap(entente.KindOf(err), err, file+": "+entente.PublicText(err))
	}
	add.Account, add.Note = acc.ID, note
	r, err := n.Do(ctx, who, add)
	if err != nil {
		return err
	}
	v := viewCertificate(entente.Certificate{ID: r.ID, Key: add.Key, Subject: add.Subject, Note: note, Expires: add.Expires})
	v["account"] = acc.Name
	return a.print(v, func(w io.Writer) {
		fmt.Fprintf(w, "%s may sign in with the certificate %s\n  id       %s\n  key      %s\n  expires  %s\n",
			plain(acc.Name), plain(add.Subject), r.ID, add.Key, entente.FormatMicros(add.Expires))
	})
}

func (a *app) listCertificates(acc node.AccountInfo) error {
	views := []map[string]any{}
	rows := [][]string{{"ID", "EXPIRES", "SUBJECT", "NOTE", "KEY"}}
	for _, c := range acc.Certificates {
		views = append(views, viewCertificate(c))
		rows = append(rows, []string{c.ID, entente.FormatMicros(c.Expires), plain(c.Subject), plain(c.Note), c.Key.String()})
	}
	return a.print(map[string]any{"account": acc.Name, "certificates": views}, func(w io.Writer) {
		if len(views) == 0 {
			fmt.Fprintf(w, "%s has no certificates.\n", plain(acc.Name))
			return
		}
		table(w, rows)
	})
}

func (a *app) removeCertificate(ctx context.Context, n *node.Node, who entente.Actor, acc node.AccountInfo, which string) error {
	for _, c := range acc.Certificates {
		if c.ID == which || c.Key.String() == which {
			r, err := n.Do(ctx, who, entente.RemoveCertificate{Certificate: c.ID})
			if err != nil {
				return err
			}
			return a.doneOrAsked(map[string]any{"id": c.ID, "account": acc.Name, "removed": !r.Waits}, r, func(w io.Writer) {
				fmt.Fprintf(w, "%s may no longer sign in with the certificate %s (%s)\n", plain(acc.Name), c.ID, plain(c.Subject))
			})
		}
	}
	return entente.Errorf(entente.NotFound, "%s has no certificate %q", acc.Name, which)
}

func viewCertificate(c entente.Certificate) map[string]any {
	v := map[string]any{"id": c.ID, "key_sha256": c.Key.String(), "subject": c.Subject, "note": c.Note, "expires": entente.FormatMicros(c.Expires)}
	if c.Created != 0 {
		v["created"] = entente.FormatMicros(c.Created)
	}
	return v
}
