package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"entente"
	"entente/ledger"
)

// receiptKey is the file in which a partner keeps the key that it acknowledges with, and what
// it acknowledged last.
type receiptKey struct {
	Name       string `json:"name"`
	Seed       string `json:"seed"`                 // hexadecimal: the secret
	Log        string `json:"log,omitempty"`        // the verifier key of the log
	Checkpoint string `json:"checkpoint,omitempty"` // that was acknowledged last
}

func (k receiptKey) key() (ledger.Key, error) {
	seed, err := hex.DecodeString(k.Seed)
	if err != nil {
		return ledger.Key{}, entente.Wrap(entente.Invalid, err, "the file has no key of \"entente ledger receipt --new-key\"")
	}
	return ledger.NewKey(seed)
}

func (a *app) ledgerReceiptCmd() *cobra.Command {
	var name, file, newKey, logKey, account, ca string
	var password, token bool
	cmd := &cobra.Command{
		Use:   "receipt [URL]",
		Short: "Acknowledge, as a partner, what another node has delivered",
		Long: `For a partner of the node at URL: reads the checkpoint of its own log there, checks
that it continues the one that was acknowledged last, signs it with the key in FILE,
and sends it back. So it acknowledges all that the log says was delivered.

First make a key, and have the node's operator register it with
"entente partner key PARTNER VKEY":

  entente ledger receipt --new-key FILE --name NAME

--log-key is the key of the log, which the operator tells you ("entente ledger policy
show --partner NAME"); it is kept in FILE, and every checkpoint has to be signed with it.`,
		Example: `  entente ledger receipt --new-key receipts.json --name delta.example
  entente ledger receipt https://node.example:8443 --account delta --token-stdin --key receipts.json <token`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if newKey != "" {
				if len(args) > 0 || name == "" {
					return usagef("--new-key FILE goes with --name NAME, and without a URL")
				}
				return a.newReceiptKey(newKey, name)
			}
			if len(args) == 0 || file == "" || password == token || password && account == "" {
				return usagef("name the URL, --key FILE, and either --account NAME with --password-stdin or --token-stdin")
			}
			what := "token"
			if password {
				what = "password"
			}
			secret, err := a.secretLine(what)
			if err != nil {
				return err
			}
			client, err := receiptClient(ca)
			if err != nil {
				return err
			}
			defer client.CloseIdleConnections()
			r := receipt{client: client, base: strings.TrimSuffix(args[0], "/"), account: account, secret: secret, token: token}
			return a.acknowledge(cmd.Context(), r, file, logKey)
		},
	}
	f := cmd.Flags()
	f.StringVar(&newKey, "new-key", "", "make a key and write it to this file")
	f.StringVar(&name, "name", "", "name of the new key, such as a domain of yours")
	f.StringVar(&file, "key", "", "file with the key")
	f.StringVar(&logKey, "log-key", "", "the log's verifier key")
	f.StringVar(&account, "account", "", "name of the account at the node")
	f.BoolVar(&password, "password-stdin", false, "read its password from the first line of standard input")
	f.BoolVar(&token, "token-stdin", false, "read a token from the first line of standard input")
	f.StringVar(&ca, "ca", "", "file with the authorities to trust (PEM)")
	return cmd
}

func (a *app) newReceiptKey(file, name string) error {
	seed := make([]byte, ledger.SeedSize)
	if _, err := rand.Read(seed); err != nil {
		return err
	}
	key, err := ledger.NewKey(seed)
	if err != nil {
		return err
	}
	v, err := key.CosignVerifier(name)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(file, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return entente.Wrap(entente.Conflict, err, err.Error())
	}
	err = json.NewEncoder(f).Encode(receiptKey{Name: name, Seed: hex.EncodeToString(seed)})
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	return a.print(map[string]any{"key": v.String(), "file": file}, func(w io.Writer) { fmt.Fprintln(w, v) })
}

func receiptClient(ca string) (*http.Client, error) {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	if ca != "" {
		text, err := readShort(ca, 1<<20)
		if err != nil {
			return nil, err
		}
		pool := x509.NewCertPool()
		if !pool.AppendCertsFromPEM(text) {
			return nil, entente.Errorf(entente.Invalid, "%s holds no certificate in PEM", ca)
		}
		transport.TLSClientConfig = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	}
	return &http.Client{Transport: transport, Timeout: time.Minute, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}, nil
}

// receipt is a partner's way to its log at a node.
type receipt struct {
	client                *http.Client
	base, account, secret string
	token                 bool
}

// do asks for something below /ledger/, of which most bytes are read.
func (r receipt) do(ctx context.Context, method, path string, body []byte, most int64) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, method, r.base+"/ledger/"+path, bytes.NewReader(body))
	if err != nil {
		return nil, entente.Wrap(entente.Invalid, err, "this is not the address of a node")
	}
	if r.token {
		req.Header.Set("Authorization", "Bearer "+r.secret)
	} else {
		req.SetBasicAuth(r.account, r.secret)
	}
	resp, err := r.client.Do(req)
	if err != nil {
		return nil, entente.Wrap(entente.Unavailable, err, "the node cannot be reached: "+err.Error())
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(io.LimitReader(resp.Body, most+1))
	switch {
	case err != nil || int64(len(b)) > most:
		return nil, entente.Wrap(entente.Unavailable, errors.Join(err, fmt.Errorf("%d bytes were read", len(b))), "the node's answer breaks off or is too long")
	case resp.StatusCode == http.StatusOK:
		return b, nil
	}
	var told struct{ Description string }
	_ = json.Unmarshal(b, &told) // what is no TAXII error tells nothing more
	kind := map[int]entente.Kind{400: entente.Invalid, 401: entente.Unauthenticated, 403: entente.Forbidden, 404: entente.NotFound, 409: entente.Conflict}[resp.StatusCode]
	if kind == 0 {
		kind = entente.Unavailable
	}
	return nil, entente.Errorf(kind, "%s: the node answers %d: %s", path, resp.StatusCode, plain(told.Description))
}

// treeAt reads the tiles of the log at a size.
type treeAt struct {
	receipt
	size int64
}

// Tile is for [ledger.Tiles].
func (t treeAt) Tile(ctx context.Context, level int, index int64) ([]byte, error) {
	width := min(t.size>>(ledger.TileHeight*level)-index*ledger.TileWidth, ledger.TileWidth)
	if width <= 0 {
		return nil, nil
	}
	return t.do(ctx, http.MethodGet, ledger.Path{Of: ledger.OfTile, Level: level, Index: index, Width: int(width)}.String(), nil, ledger.TileSize)
}

func (a *app) acknowledge(ctx context.Context, r receipt, file, logKey string) error {
	text, err := readShort(file, 1<<20)
	if err != nil {
		return err
	}
	var k receiptKey
	if err := json.Unmarshal(text, &k); err != nil {
		return entente.Wrap(entente.Invalid, err, "the file has no key of \"entente ledger receipt --new-key\"")
	}
	key, err := k.key()
	if err != nil {
		return err
	}
	if logKey != "" {
		k.Log = logKey
	}
	signed, err := r.do(ctx, http.MethodGet, "checkpoint", nil, ledger.MaxCheckpoint)
	if err != nil {
		return err
	}
	c, err := k.check(signed)
	if err != nil {
		return err
	}
	if err := k.continues(ctx, r, c); err != nil {
		return err
	}
	line, err := key.Cosign(k.Name, c, time.Now().Unix())
	if err != nil {
		return err
	}
	if _, err := r.do(ctx, http.MethodPost, "acknowledge", append(bytes.Clone(signed), line...), 1000); err != nil {
		return err
	}
	k.Checkpoint = c.Text()
	if err := k.save(file); err != nil {
		return err
	}
	return a.print(map[string]any{"log": c.Origin, "size": c.Size, "log_key_checked": k.Log != ""}, func(w io.Writer) {
		fmt.Fprintf(w, "Acknowledged %s of %s\n", plural(int(c.Size), "entry", "entries"), plain(c.Origin))
		if k.Log == "" {
			fmt.Fprintln(w, "The log's signature was not checked: name its key with --log-key.")
		}
	})
}

// check reads the checkpoint, and verifies the log's signature where its key is known.
func (k receiptKey) check(signed []byte) (ledger.Checkpoint, error) {
	if k.Log == "" {
		text, _, _ := strings.Cut(string(signed), "\n\n")
		return ledger.ParseCheckpoint(text + "\n")
	}
	v, err := ledger.ParseVerifier(k.Log)
	if err != nil {
		return ledger.Checkpoint{}, err
	}
	c, _, err := ledger.OpenCheckpoint(signed, v)
	return c, err
}

// continues checks by the tiles that the tree is that of the checkpoint, and still has what
// was acknowledged last.
func (k receiptKey) continues(ctx context.Context, r receipt, c ledger.Checkpoint) error {
	for _, was := range []string{c.Text(), k.Checkpoint} {
		if was == "" {
			continue
		}
		old, err := ledger.ParseCheckpoint(was)
		if err != nil {
			return err
		}
		if old.Origin != c.Origin {
			continue // another epoch, or another node
		}
		if old.Size > c.Size {
			return entente.Errorf(entente.Conflict, "the log has %d entries; you acknowledged %d. It was rolled back: ask the node's operator, and keep your file", c.Size, old.Size)
		}
		root, err := ledger.RootOf(ctx, treeAt{r, old.Size}, old.Size)
		if err != nil {
			return err
		}
		if root != old.Root {
			return entente.Errorf(entente.Conflict, "the log is not what it was at %d entries: its history was changed. Ask the node's operator, and keep your file", old.Size)
		}
	}
	return nil
}

// save replaces the file by one whole new one.
func (k receiptKey) save(file string) error {
	text, err := json.Marshal(k)
	if err != nil {
		return err
	}
	next := file + ".new"
	if err := os.WriteFile(next, append(text, '\n'), 0o600); err != nil {
		return entente.Wrap(entente.Unavailable, err, err.Error())
	}
	if err := os.Rename(next, file); err != nil {
		return entente.Wrap(entente.Unavailable, err, err.Error())
	}
	return nil
}
