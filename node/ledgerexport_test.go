package node

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"entente/ledger"
	"entente/store"
)

// ledgerOf writes the ledger of a node as an export has it, without feeds, and verifies it.
// It gives the report, and the events of all logs in their order.
func ledgerOf(t testing.TB, n *Node, o ledger.Options) (ledger.Report, []ledger.Entered, error) {
	t.Helper()
	files := exportOf(t, n)
	var all []ledger.Entered
	o.Each = func(e ledger.Entered) error {
		e.Raw = bytes.Clone(e.Raw)
		all = append(all, e)
		return nil
	}
	r, err := ledger.Verify(t.Context(), ledger.Dir(files), o)
	return r, all, err
}

func exportOf(t testing.TB, n *Node) fstest.MapFS {
	t.Helper()
	ctx := context.Background()
	files, hashes := fstest.MapFS{}, ledger.Hashes{}
	put := func(path string, data []byte) {
		files[path] = &fstest.MapFile{Data: bytes.Clone(data)}
		if path == ledger.ExportFile || strings.HasSuffix(path, "/checkpoint") {
			hashes[path] = sha256.Sum256(data)
		}
	}
	err := n.st.View(ctx, func(tx *store.Tx) error {
		home, err := tx.Home(ctx)
		if err != nil {
			return err
		}
		keys, err := tx.LedgerKeys(ctx)
		if err != nil {
			return err
		}
		logs, err := tx.LedgerLogs(ctx)
		if err != nil {
			return err
		}
		x := ledger.Export{Home: ledger.ExportHome{ID: home.ID, Name: home.Name}}
		for _, k := range keys {
			if int(k.Epoch) > len(x.Epochs) {
				x.Epochs = append(x.Epochs, ledger.ExportEpoch{Epoch: int(k.Epoch)})
			}
			e := &x.Epochs[k.Epoch-1]
			e.Keys = append(e.Keys, ledger.ExportKey{Key: hex.EncodeToString(k.Public), From: k.Size, Signature: hex.EncodeToString(k.Endorsed)})
		}
		for _, l := range logs {
			e := &x.Epochs[l.Epoch-1]
			e.Logs = append(e.Logs, ledger.ExportLog{Origin: ledger.Origin(home.ID, int(l.Epoch), l.Organisation), Partner: l.Organisation})
			dir := ledger.LogDir(int(l.Epoch), l.Organisation) + "/"
			w := ledger.Writer{Put: func(path string, data []byte) error { put(dir+path, data); return nil }}
			entries, err := tx.LedgerEntries(ctx, l.Num, 0, 1<<20)
			if err != nil {
				return err
			}
			for _, e := range entries {
				if e.Erased() {
					err = w.AddErased([32]byte(e.Entry))
				} else {
					err = w.Add([32]byte(e.Salt), e.Body)
				}
				if err != nil {
					return err
				}
			}
			if _, _, err := w.Close(); err != nil {
				return err
			}
			put(dir+"checkpoint", l.Note)
		}
		b, err := x.Marshal()
		if err != nil {
			return err
		}
		put(ledger.ExportFile, b)
		last := x.Epochs[len(x.Epochs)-1]
		key, err := ledger.NewKey(keys[len(keys)-1].Seed)
		if err != nil {
			return err
		}
		manifest, err := ledger.SignManifest(key, last.Logs[0].Origin, slices.Sorted(maps.Keys(hashes)), hashes)
		put(ledger.ManifestFile, manifest)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}
