package main

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"entente"
	"entente/node"
	"entente/store"
)

// app is what every subcommand shares: the streams and the settings of the command line.
type app struct {
	in       io.Reader
	out, err io.Writer

	data string // --data, ENTENTE_DATA
	db   string // --db, ENTENTE_DB
	json bool   // --json
	home string // --home: the organisation's name when a node is made

	as      string // --as, ENTENTE_AS: who acts; the node's owner where it is ""
	token   string // ENTENTE_TOKEN: with what --as signs in
	asStdin bool   // --as-stdin
	caseRef string // --case: of the matter for which a command is given
}

const longHelp = `Entente exchanges threat intelligence between organisations that must work
together without fully trusting each other. Each runs a node of its own; nodes
and ordinary tools speak STIX 2.1 over TAXII 2.1.

A first look, on fictional data:

  entente demo

A node of your own, and what your own tools read:

  entente serve                                    # prints where to go
  entente collection add Phishing                  # in another terminal
  entente import --collection Phishing FILE...
  entente account add siem --service --generate
  entente grant siem Phishing read

A partner gets what an agreement says, and nothing else:

  entente partner add "Delta CERT"
  entente partner account add "Delta CERT" delta-siem --generate
  entente account add ann                          # asks for a password
  entente account role give ann releaser           # who may decide, and from when
  entente agreement draft delta --with "Delta CERT" --collection Phishing > delta.toml
  entente --as ann agreement propose delta.toml
  entente --as ann agreement accept delta --for "Delta CERT" --said "their letter of 3 May"
  entente --as ann agreement activate delta --backlog all
  entente queue; entente explain delta ID; entente who ID    # what stops, and why

Commands work on the node's data directly, beside a running server too. What
holds the data is chosen by --data (a directory) and --db (PostgreSQL). Whoever
owns the data runs the node; what decides for the organisation, such as stopping
a partner, is done under a name: --as.

Exit status: 0 done; 1 a fault of the node; 2 wrong usage; 3 invalid input;
4 sign-in or rights missing; 5 not found; 6 conflict; 7 unavailable (busy, disk
full, port in use); 8 done in part, some objects were refused.`

func (a *app) command() *cobra.Command {
	root := &cobra.Command{
		Use:           "entente",
		Short:         "An intelligence exchange: STIX 2.1 over TAXII 2.1, on agreed terms",
		Long:          longHelp,
		SilenceErrors: true,
		SilenceUsage:  true,
		Version:       version(),
	}
	f := root.PersistentFlags()
	f.StringVar(&a.data, "data", envOr("ENTENTE_DATA", defaultData()), "directory that holds the node (ENTENTE_DATA)")
	f.StringVar(&a.db, "db", os.Getenv("ENTENTE_DB"), "PostgreSQL database, as postgres://user@host/name; without it SQLite inside --data (ENTENTE_DB)")
	f.BoolVar(&a.json, "json", false, "print JSON, for scripts")
	f.StringVar(&a.home, "home", os.Getenv("ENTENTE_HOME"), "name of your organisation, when a node is made (ENTENTE_HOME)")
	f.StringVar(&a.as, "as", os.Getenv("ENTENTE_AS"), "sign in as this account: by ENTENTE_TOKEN, ENTENTE_PASSWORD, --as-stdin, or a password asked for at a terminal (ENTENTE_AS)")
	f.BoolVar(&a.asStdin, "as-stdin", false, "read the password of --as from the first line of standard input")
	f.StringVar(&a.caseRef, "case", "", "reference of the case for which a decision is taken, to be recorded with it")
	root.AddCommand(a.collectionCmd(), a.rootCmd(), a.accountCmd(), a.partnerCmd(), a.agreementCmd(), a.reportCmd(), a.grantCmd(), a.importCmd(), a.exportCmd(),
		a.searchCmd(), a.showCmd(), a.dissentCmd(), a.validateCmd(), a.serveCmd(), a.demoCmd(), a.benchCmd(),
		a.explainCmd(), a.queueCmd(), a.whoCmd(), a.heldByCmd(), a.restrictCmd(), a.standingCmd(), a.permissionCmd(),
		a.previewCmd(), a.tearlineCmd(), a.preserveCmd(), a.eraseCmd(), a.retentionCmd(), a.ledgerCmd(),
		a.pullCmd(), a.pushCmd(), a.backupCmd(), a.restoreCmd(), a.doctorCmd(), a.selftestCmd(), a.openapiCmd())
	root.AddCommand(a.decidingCmds()...)
	inGroups(root)
	return root
}

// commandGroups are the groups in which the help lists the commands.
var commandGroups = []struct{ title, commands string }{
	{"Try it:", "demo selftest bench"},
	{"Intelligence:", "import export validate search show dissent pull push"},
	{"Partners and agreements:", "partner agreement preview queue explain who held-by"},
	{"Deciding (--as NAME):", "approve refuse keep withdraw urgent review restrict standing permission tearline preserve erase"},
	{"Evidence:", "ledger report retention"},
	{"The node:", "serve collection root account grant backup restore doctor openapi completion help"},
}

func inGroups(root *cobra.Command) {
	root.SetHelpCommandGroupID(commandGroups[len(commandGroups)-1].title)
	root.SetCompletionCommandGroupID(commandGroups[len(commandGroups)-1].title)
	for _, g := range commandGroups {
		root.AddGroup(&cobra.Group{ID: g.title, Title: g.title})
		for _, c := range root.Commands() {
			if slices.Contains(strings.Fields(g.commands), c.Name()) {
				c.GroupID = g.title
			}
		}
	}
}

func envOr(name, otherwise string) string {
	if v := os.Getenv(name); v != "" {
		return v
	}
	return otherwise
}

// defaultData is where a node lives when nobody says: the place for a user's data.
func defaultData() string {
	if dir := os.Getenv("XDG_DATA_HOME"); dir != "" {
		return filepath.Join(dir, "entente")
	}
	if home, err := os.UserHomeDir(); err == nil {
		return filepath.Join(home, ".local", "share", "entente")
	}
	return "entente-data"
}

// opening says what may happen when a node is opened.
type opening bool

const (
	mustExist opening = false // a question about a node needs one
	mayCreate opening = true  // the first command that writes makes it
)

// open opens the node that --data and --db name.
func (a *app) open(ctx context.Context, how opening, log *slog.Logger) (*node.Node, func(), error) {
	url := a.db
	if url == "" {
		url = filepath.Join(a.data, "entente.db")
		if _, err := os.Stat(url); errors.Is(err, fs.ErrNotExist) && how == mustExist {
			return nil, nil, entente.Errorf(entente.NotFound, "there is no node in %s; \"entente serve\" makes one, and --data names another place", a.data)
		}
		if err := makeData(a.data); err != nil {
			return nil, nil, err
		}
	}
	st, err := store.Open(ctx, store.Options{URL: url})
	if err != nil {
		return nil, nil, err
	}
	n, err := node.Open(ctx, st, node.Config{Home: a.home, Log: log})
	if err != nil {
		st.Close()
		return nil, nil, err
	}
	return n, func() { st.Close() }, nil
}

// makeData makes the data directory, for its owner alone, and checks that it can be
// written before anything relies on it.
func makeData(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return entente.Wrap(entente.Unavailable, err, "the data directory cannot be made: "+err.Error())
	}
	f, err := os.CreateTemp(dir, ".writable-*")
	if err != nil {
		return entente.Wrap(entente.Unavailable, err, "the data directory cannot be written: "+err.Error())
	}
	f.Close()
	return os.Remove(f.Name())
}

// with runs f on the open node, as the account of --as, or as the node's owner.
func (a *app) with(cmd *cobra.Command, how opening, f func(ctx context.Context, n *node.Node, who entente.Actor) error) error {
	ctx := cmd.Context()
	if a.as != "" {
		how = mustExist // a node that is made now has nobody to sign in
	}
	n, done, err := a.open(ctx, how, nil)
	if err != nil {
		return err
	}
	defer done()
	if a.caseRef != "" {
		if err := entente.CheckCase(a.caseRef); err != nil {
			return err
		}
	}
	who, err := a.signIn(ctx, n)
	if err != nil {
		return err
	}
	who.Case = a.caseRef
	if err := n.Reviewing(ctx, who, "command", commandLine(os.Args[1:])); err != nil {
		return err
	}
	return f(ctx, n, who)
}

// commandLine is what was asked for, as the ledger keeps it of a reviewer.
func commandLine(args []string) string {
	words := []string{"entente"}
	for i := 0; i < len(args); i++ {
		switch name, _, whole := strings.Cut(args[i], "="); name {
		case "--db", "--data", "--as": // where the node is, with a password perhaps, and who asks
			if !whole {
				i++
			}
		default:
			words = append(words, args[i])
		}
	}
	return strings.Join(words, " ")
}
