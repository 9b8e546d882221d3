package main

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"entente"
	"entente/node"
	"entente/stix"
)

//go:embed demodata
var demoData embed.FS

func (a *app) demoCmd() *cobra.Command {
	var once bool
	var listenOn string
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "See a node at work on fictional data",
		Long: `Makes a node in a temporary place, fills it with fictional intelligence, serves it
and uses it the way a TAXII client would, step by step. Then its organisation and
two partners agree and share: what stops and why, who sees what, dissent, a recall,
a suspension and a restoration, each with the command that does it; and an outsider
checks the ledger of it all, and finds the letter that somebody changed. The node then
stays up, so that you can try more; what to try is printed. Everything is deleted
at the end, unless --data names a place for it. --once ends after the last step.`,
		Example: "  entente demo\n  entente demo --once",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if !cmd.Flags().Changed("db") {
				a.db = ""
			}
			if !cmd.Flags().Changed("data") {
				dir, err := os.MkdirTemp("", "entente-demo-")
				if err != nil {
					return entente.Wrap(entente.Unavailable, err, "no temporary place can be made: "+err.Error())
				}
				defer os.RemoveAll(dir)
				a.data = dir
			} else if _, err := os.Stat(filepath.Join(a.data, "entente.db")); !errors.Is(err, fs.ErrNotExist) {
				return entente.Errorf(entente.Conflict, "%s holds a node already; the demo wants an empty directory", a.data)
			}
			return a.demo(cmd.Context(), listenOn, once)
		},
	}
	cmd.Flags().BoolVar(&once, "once", false, "run it through and end")
	cmd.Flags().StringVar(&listenOn, "listen", "", "address and port; 127.0.0.1:8443, or a free port where that is taken")
	return cmd
}

// demo is one run of the demonstration. Its first act is in this file and democlient.go, its
// second in demoagree.go.
type demo struct {
	a    *app
	n    *node.Node
	who  entente.Actor
	step int

	phishing, cases     entente.Access
	siemToken, sensorPw string
	decider             person // of the second act
}

func (a *app) demo(ctx context.Context, listenOn string, once bool) error {
	if err := makeData(a.data); err != nil {
		return err
	}
	unlock, err := lockData(a.data)
	if err != nil {
		return err
	}
	defer unlock()
	a.home = "Harbour CERT"
	quiet := slog.New(slog.NewTextHandler(a.err, &slog.HandlerOptions{Level: slog.LevelWarn}))
	n, done, err := a.open(ctx, mayCreate, quiet)
	if err != nil {
		return err
	}
	defer done()
	d := &demo{a: a, n: n, who: entente.LocalActor()}
	s, err := d.serve(ctx, listenOn, quiet)
	if err != nil {
		return err
	}
	err = d.story(ctx, s)
	if err == nil && !once {
		d.tryNext(s)
		<-ctx.Done()
		d.say("\nThe demo ends.")
	}
	s.stop()
	return errors.Join(err, s.wait())
}

// serve starts the server on the usual port, or on a free one.
func (d *demo) serve(ctx context.Context, listenOn string, log *slog.Logger) (*served, error) {
	l, err := listen(cmp.Or(listenOn, "127.0.0.1:8443"))
	if err != nil && listenOn == "" {
		l, err = listen("127.0.0.1:0")
	}
	if err != nil {
		return nil, err
	}
	s, err := d.a.start(ctx, d.n, l, serveOptions{}, log)
	if err != nil {
		l.Close()
	}
	return s, err
}

// say tells something: a line of text, or with --json an object on a line with the step
// that it belongs to.
func (d *demo) say(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if d.a.json {
		line := struct {
			Step int    `json:"step"`
			Text string `json:"text"`
		}{d.step, strings.TrimSpace(text)}
		_ = json.NewEncoder(d.a.out).Encode(line) // as with Fprintln, whoever closed the output knows
		return
	}
	fmt.Fprintln(d.a.out, fold(text))
}

func (d *demo) head(text string) {
	d.step++
	if d.a.json {
		d.say("%s", text)
		return
	}
	d.say("\n%d. %s", d.step, text)
}

func (d *demo) story(ctx context.Context, s *served) error {
	d.say("Harbour CERT, which does not exist, runs a node in %s.", d.a.data)
	for _, f := range []func(context.Context) error{d.makePlaces, d.makeAccounts, d.importMonday, d.importTuesday, d.search} {
		if err := f(ctx); err != nil {
			return err
		}
	}
	return d.asClients(ctx, s)
}

func (d *demo) makePlaces(ctx context.Context) error {
	d.head("Two collections: one for tools to read, one for the duty officers alone.")
	for _, c := range []struct {
		name, alias string
		to          *entente.Access
	}{{"Phishing", "phishing", &d.phishing}, {"Open cases", "cases", &d.cases}} {
		r, err := d.n.Do(ctx, d.who, entente.AddCollection{Name: c.name, Alias: c.alias})
		if err != nil {
			return err
		}
		if *c.to, err = d.n.CollectionNamed(ctx, d.who, r.ID); err != nil {
			return err
		}
		d.say("   %-11s %s", c.name, r.ID)
	}
	return nil
}

func (d *demo) makeAccounts(ctx context.Context) error {
	d.head("Two services with accounts: \"siem\" reads Phishing, \"sensor\" writes to it.")
	var err error
	for _, secret := range []*string{&d.siemToken, &d.sensorPw} {
		if *secret, err = d.n.NewSecret(); err != nil {
			return err
		}
	}
	hash, err := d.n.HashPassword(d.sensorPw)
	if err != nil {
		return err
	}
	siem, err := d.n.Do(ctx, d.who, entente.AddAccount{Name: "siem", Service: true})
	if err != nil {
		return err
	}
	sensor, err := d.n.Do(ctx, d.who, entente.AddAccount{Name: "sensor", Service: true, PasswordHash: hash})
	if err != nil {
		return err
	}
	for _, c := range []entente.Command{
		entente.AddToken{Account: siem.ID, Hash: sha256.Sum256([]byte(d.siemToken)), Note: "demo"},
		entente.SetGrant{Account: siem.ID, Collection: d.phishing.ID, Read: true},
		entente.SetGrant{Account: sensor.ID, Collection: d.phishing.ID, Write: true},
	} {
		if _, err := d.n.Do(ctx, d.who, c); err != nil {
			return err
		}
	}
	d.say("   The siem signs in with a token, the sensor with a password.")
	return nil
}

// take imports one of the demo's files and says what became of each notable object.
func (d *demo) take(ctx context.Context, file string, into entente.Access) error {
	b, err := demoData.ReadFile("demodata/" + file)
	if err != nil {
		return err
	}
	rep, err := d.n.Intake(ctx, d.who, into.ID, stix.NewReader(bytes.NewReader(b)), node.IntakeOptions{Each: func(r node.ItemResult) {
		switch {
		case r.Err != nil:
			d.say("   object %d refused: %s", r.Index+1, entente.PublicText(r.Err))
		case r.Outcome == entente.Contested:
			d.say("   %s\n     came with other contents for version %s: both are kept, the first stays current", r.ID, r.Version)
		}
	}})
	if err == nil {
		d.say("   %s: %d read, %d added, %d unchanged, %d contested, %d refused", file, rep.Read, rep.Added, rep.Unchanged, rep.Contested, rep.Refused)
	}
	return err
}

func (d *demo) importMonday(ctx context.Context) error {
	d.head("Monday's findings come in as a STIX bundle, the cases as NDJSON.")
	return errors.Join(d.take(ctx, "monday.json", d.phishing), d.take(ctx, "cases.ndjson", d.cases))
}

func (d *demo) importTuesday(ctx context.Context) error {
	d.head("Tuesday's bundle revises one indicator, contradicts another, and is broken.")
	if err := d.take(ctx, "tuesday.json", d.phishing); err != nil {
		return err
	}
	d.say("   The same file once more adds nothing:")
	return d.take(ctx, "tuesday.json", d.phishing)
}

func (d *demo) search(ctx context.Context) error {
	d.head("Search finds the second server's address, in the latest versions only.")
	if err := d.n.CatchUp(ctx, nil); err != nil {
		return err
	}
	found, err := d.n.Search(ctx, d.who, "203.0.113.80", nil, 10)
	if err != nil {
		return err
	}
	for _, m := range found {
		d.say("   %s  %s", m.Entry.ID, shorten(title(m.Entry.Bytes), 60))
	}
	return nil
}

// tryNext prints commands that work as they stand, each on a line.
func (d *demo) tryNext(s *served) {
	text := fmt.Sprintf(`
The node stays up until you press Ctrl-C. In another terminal:

  export ENTENTE_DATA=%[1]s ENTENTE_TOKEN=%[7]s
  %[5]s collection list
  %[5]s search 'parcel*'
  %[5]s show %[6]s --versions
  %[5]s export --collection Phishing | %[5]s validate -
  curl --globoff --cacert %[2]s -H 'Authorization: Bearer %[3]s' '%[4]s/api1/collections/phishing/objects/?match[type]=indicator'

  %[5]s queue
  %[5]s explain meadow %[8]s
  %[5]s who %[9]s
  %[5]s held-by 'Meadow Bank'
  %[5]s ledger tail
  %[5]s ledger verify
  %[5]s agreement history meadow
  %[5]s preview stop 'Meadow Bank'
  %[5]s --as ann partner stop 'Meadow Bank' --reason 'a try' --basis 'none'`,
		shellWord(d.a.data), shellWord(s.cert), d.siemToken, s.url, self(), demoIndicator(), d.decider.token, demoReport, demoMalware)
	if d.a.json {
		d.say("%s", text)
		return
	}
	fmt.Fprintln(d.a.out, text) // not folded: to be copied
}

// self is how the user called this program.
func self() string {
	if strings.Contains(os.Args[0], "go-build") {
		return "go run ./cmd/entente"
	}
	return shellWord(os.Args[0])
}

// demoIndicator is the id of the indicator that the demo revises.
func demoIndicator() entente.ObjectID {
	b, err := demoData.ReadFile("demodata/tuesday.json")
	if err != nil {
		return ""
	}
	it, err := stix.NewReader(bytes.NewReader(b)).Next()
	if err != nil && !errors.Is(err, io.EOF) {
		return ""
	}
	v, _ := stix.Parse(it.Raw)
	if v == nil {
		return ""
	}
	return v.ID
}
