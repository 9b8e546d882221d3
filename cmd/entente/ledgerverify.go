package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"entente"
	"entente/ledger"
	"entente/node"
)

// verifyFlags say how a ledger is verified.
type verifyFlags struct {
	keys, seen []string
	user, ca   string
	allowHTTP  bool
}

func (a *app) ledgerVerify() *cobra.Command {
	var f verifyFlags
	var report string
	cmd := &cobra.Command{
		Use:   "verify [DIR|URL]",
		Short: "Check a ledger, and name the first thing that does not fit",
		Long: `Checks an export of a ledger (DIR), the ledger of this node (without argument), or
the log that a node shows its partner (URL). For DIR and URL no node is needed, and
for DIR no network.

It computes every tree anew and checks every signature, that each event is the one
that its entry stands for, that partners' logs and the main log agree, that every
entry of every feed has its decision and every delivery its entries. Of URL, the
address of a node or of its /ledger/, it checks that one log, with its tree and
events; the key of it (--key) has to be known. To sign in there, put a token in
ENTENTE_TOKEN, or give --user and the password in ENTENTE_PASSWORD.

What was cut off or rolled back as a whole shows only against something that was kept
elsewhere: checkpoints and receipts (--seen) and keys (--key).

--report counts every figure of "entente report --json" again, from the events of DIR
alone, and names the first that differs.

Exit status 0: sound. 6: something does not fit, and it is named.`,
		Example: `  entente ledger verify
  entente ledger verify /evidence/ledger-2026-05-04 --seen receipt.txt
  entente ledger verify https://taxii.harbour.example/ --key 'entente/…+…' --seen last-checkpoint`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			o, err := f.options()
			switch {
			case err != nil:
				return err
			case report != "" && (len(args) == 0 || strings.Contains(args[0], "://")):
				return usagef("--report is counted again from an export: name its directory")
			case len(args) == 0:
				return a.with(cmd, mustExist, func(ctx context.Context, n *node.Node, who entente.Actor) error {
					r, err := n.VerifyLedger(ctx, who, o)
					return a.tellVerified(r, err)
				})
			case strings.HasPrefix(args[0], "http://") || strings.HasPrefix(args[0], "https://"):
				return a.verifyURL(cmd.Context(), args[0], &f, o)
			}
			if _, err := os.Stat(args[0]); err != nil {
				return entente.Wrap(entente.NotFound, err, err.Error())
			}
			if report != "" {
				r, err := verifyReport(cmd.Context(), ledger.Dir(os.DirFS(args[0])), o, report)
				return a.tellVerified(r, err)
			}
			r, err := ledger.Verify(cmd.Context(), ledger.Dir(os.DirFS(args[0])), o)
			return a.tellVerified(r, err)
		},
	}
	s := cmd.Flags()
	s.StringArrayVar(&f.keys, "key", nil, "a verifier key that is known to be this ledger's, NAME+HASH+BASE64, or a file that holds it; may be repeated")
	s.StringArrayVar(&f.seen, "seen", nil, "file with a checkpoint or receipt that the ledger must continue; may be repeated")
	s.StringVar(&report, "report", "", "file that \"entente report --json\" wrote: count each of its figures again from DIR")
	s.StringVar(&f.user, "user", "", "name to sign in with at URL")
	s.StringVar(&f.ca, "ca", "", "file with the authorities to trust at URL (PEM)")
	s.BoolVar(&f.allowHTTP, "allow-http", false, "send the password or token over plain HTTP too")
	return cmd
}

func (f *verifyFlags) options() (ledger.Options, error) {
	var o ledger.Options
	for _, text := range f.keys {
		if !strings.Contains(text, "+") {
			b, err := os.ReadFile(text)
			if err != nil {
				return o, entente.Wrap(entente.NotFound, err, err.Error())
			}
			text = strings.TrimSpace(string(b))
		}
		k, err := ledger.ParseVerifier(text)
		if err != nil {
			return o, err
		}
		o.Keys = append(o.Keys, k)
	}
	for _, name := range f.seen {
		b, err := os.ReadFile(name)
		if err != nil {
			return o, entente.Wrap(entente.NotFound, err, err.Error())
		}
		o.Seen = append(o.Seen, b)
	}
	return o, nil
}

// verifiedView is what was verified of a whole ledger.
type verifiedView struct {
	Sound      bool             `json:"sound"`
	Home       string           `json:"home"`
	HomeName   string           `json:"homeName"`
	Epochs     int              `json:"epochs"`
	Logs       int              `json:"logs"`
	Entries    int64            `json:"entries"`
	Erased     int64            `json:"erased"`
	Late       int64            `json:"late"`
	Feeds      int              `json:"feeds"`
	Lines      int64            `json:"feedEntries"`
	Deliveries int64            `json:"deliveries"`
	Kinds      map[string]int64 `json:"kinds"`
	Shared     map[string]int64 `json:"sharedKinds"`
	Keys       []string         `json:"keys"`
	Notes      []string         `json:"notes,omitempty"`
}

func (a *app) tellVerified(r ledger.Report, err error) error {
	if err != nil {
		return unsound(err)
	}
	v := verifiedView{Sound: true, Home: r.Home.ID, HomeName: r.Home.Name, Epochs: r.Epochs, Logs: r.Logs, Entries: r.Entries, Erased: r.Erased, Late: r.Late,
		Feeds: r.Feeds, Lines: r.Lines, Deliveries: r.Pages, Kinds: r.Kinds, Shared: r.Shared, Keys: r.Keys, Notes: r.Notes}
	return a.print(v, func(w io.Writer) {
		fmt.Fprintf(w, "The ledger of %s is sound: %s in %s of %s;\n%s with %s, %s.\n", plain(v.HomeName), plural(int(v.Entries), "event", "events"),
			plural(v.Logs, "log", "logs"), plural(v.Epochs, "epoch", "epochs"), plural(v.Feeds, "feed", "feeds"),
			plural(int(v.Lines), "entry", "entries"), plural(int(v.Deliveries), "delivery", "deliveries"))
		if v.Erased > 0 {
			fmt.Fprintf(w, "Of %s the content was erased, as events tell.\n", plural(int(v.Erased), "event", "events"))
		}
		for _, note := range v.Notes {
			fmt.Fprintf(w, "Note: %s.\n", plain(note))
		}
		fmt.Fprintln(w, "Signed by:")
		for _, k := range v.Keys {
			fmt.Fprintf(w, "  %s\n", plain(k))
		}
	})
}

// unsound says first that it is a fault of the ledger, where it is one.
func unsound(err error) error {
	if fault := (*ledger.Fault)(nil); errors.As(err, &fault) {
		return entente.Errorf(entente.Conflict, "the ledger is not sound: %w", fault)
	}
	if e := (*entente.Error)(nil); errors.As(err, &e) {
		return err
	}
	if errors.Is(err, fs.ErrPermission) {
		return entente.Wrap(entente.Forbidden, err, err.Error())
	}
	return entente.Wrap(entente.Unavailable, err, "the ledger cannot be read: "+err.Error())
}

// logPatience is how long one request may take.
const logPatience = time.Minute

func (a *app) verifyURL(ctx context.Context, address string, f *verifyFlags, o ledger.Options) error {
	at, err := url.Parse(address)
	if err != nil || at.Host == "" || at.User != nil || at.RawQuery != "" || at.Fragment != "" {
		return usagef("%q is not the address of a ledger, as https://HOST/ledger/", plain(address))
	}
	if strings.Trim(at.Path, "/") == "" {
		at.Path = "/ledger/"
	}
	client, err := f.client(a, at)
	if err != nil {
		return err
	}
	defer client.CloseIdleConnections()
	r, err := ledger.VerifyLog(ctx, ledger.HTTP(client, at.String()), o)
	if err != nil {
		return unsound(err)
	}
	return a.print(struct {
		Sound  bool             `json:"sound"`
		Origin string           `json:"origin"`
		Size   int64            `json:"size"`
		Root   string           `json:"root"`
		Erased int64            `json:"erased"`
		Kinds  map[string]int64 `json:"kinds"`
	}{true, r.Origin, r.Size, r.Root.String(), r.Erased, r.Kinds}, func(w io.Writer) {
		fmt.Fprintf(w, "The log %s is sound: %s, %d erased.\n", plain(r.Origin), plural(int(r.Size), "entry", "entries"), r.Erased)
		for _, kind := range slices.Sorted(maps.Keys(r.Kinds)) {
			fmt.Fprintf(w, "  %8d  %s\n", r.Kinds[kind], plain(kind))
		}
	})
}

// client signs in at a node with what the environment has.
func (f *verifyFlags) client(a *app, at *url.URL) (*http.Client, error) {
	password := os.Getenv("ENTENTE_PASSWORD")
	if f.user != "" && password == "" {
		return nil, usagef("--user needs the password in ENTENTE_PASSWORD")
	}
	ip := net.ParseIP(at.Hostname())
	if local := at.Hostname() == "localhost" || ip != nil && ip.IsLoopback(); at.Scheme == "http" && !local && !f.allowHTTP && (f.user != "" || a.token != "") {
		return nil, usagef("the password or token would cross the network in the clear; use https, or --allow-http")
	}
	settings := &tls.Config{MinVersion: tls.VersionTLS12}
	if f.ca != "" {
		pem, err := os.ReadFile(f.ca)
		if err != nil {
			return nil, entente.Wrap(entente.NotFound, err, err.Error())
		}
		settings.RootCAs = x509.NewCertPool()
		if !settings.RootCAs.AppendCertsFromPEM(pem) {
			return nil, entente.Errorf(entente.Invalid, "%s holds no certificate (PEM)", f.ca)
		}
	}
	return &http.Client{Timeout: logPatience,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }, // it would take the secret elsewhere
		Transport: signing{&http.Transport{TLSClientConfig: settings, ForceAttemptHTTP2: true, Proxy: http.ProxyFromEnvironment}, func(r *http.Request) {
			switch {
			case f.user != "":
				r.SetBasicAuth(f.user, password)
			case a.token != "":
				r.Header.Set("Authorization", "Bearer "+a.token)
			}
		}}}, nil
}

// signing adds to each request who asks.
type signing struct {
	*http.Transport
	sign func(*http.Request)
}

func (s signing) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	s.sign(r)
	return s.Transport.RoundTrip(r)
}
