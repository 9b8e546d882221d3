package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"entente"
	"entente/node"
	"entente/store"
	"entente/store/storetest"
)

// toldByNode is what clients were answered before a node was killed.
type toldByNode struct {
	mu      sync.Mutex
	posted  []string // ids of objects whose POST was answered
	pages   []string // ids that whole pages were asked for by
	cut     int      // requests without an answer
	pending []string // ids of objects whose POST was not answered
}

// TestKillLedger kills a node with SIGKILL while clients post objects and read pages. Each POST
// that was answered has its event, each page that a client received has that of its delivery,
// each object that is there has the event of its submission, none is there twice, and the
// trees and checkpoints are whole.
func TestKillLedger(t *testing.T) {
	for engine, newURL := range storetest.URLs() {
		t.Run(engine, func(t *testing.T) {
			kills := *killCount
			if kills == 0 {
				kills = map[string]int{"sqlite": 50, "postgres": 20}[engine]
			}
			seed := *killSeed
			if seed == 0 {
				seed = rand.Uint64()
			}
			t.Logf("%d kills, -kill-seed %d", kills, seed)
			k := newKilling(t, engine, newURL(t), seed)
			defer func() {
				if k.cmd != nil && k.cmd.ProcessState == nil {
					_ = k.cmd.Process.Kill()
					_ = k.cmd.Wait()
				}
			}()
			var told toldByNode
			for kill := range kills {
				k.start()
				ctx, quiet := context.WithCancel(t.Context())
				var wg sync.WaitGroup
				for client := range 3 {
					wg.Go(func() { k.postAndRead(ctx, &told, 10*kill+client) })
				}
				k.pause(150 * time.Millisecond)
				k.kill()
				quiet()
				wg.Wait()
				k.client.CloseIdleConnections()
			}
			k.ledgerTells(&told)
			if t.Logf("%d POSTs and %d pages answered, %d requests cut off", len(told.posted), len(told.pages), told.cut); min(len(told.posted), len(told.pages)) < kills/5 || told.cut == 0 { // a busy machine answers little in between
				t.Error("the kills hit nothing; the test shows nothing")
			}
		})
	}
}

// postAndRead posts an object and reads it, again and again, until a request is not answered.
func (k *killing) postAndRead(ctx context.Context, told *toldByNode, client int) {
	for n := 0; ctx.Err() == nil; n++ {
		id := fmt.Sprintf("tool--%08d-0000-4000-8000-%012d", client, n)
		object := `{"type":"tool","spec_version":"2.1","id":"` + id + `","created":"2026-01-01T00:00:00.000Z","modified":"2026-01-01T00:00:00.000Z","name":"n"}`
		told.mu.Lock()
		told.pending = append(told.pending, id)
		told.mu.Unlock()
		for _, r := range []struct {
			method, path, body string
			want               int
			to                 *[]string
		}{
			{"POST", k.objs + "objects/", `{"objects":[` + object + `]}`, 202, &told.posted},
			{"GET", k.objs + "objects/?match[id]=" + id, "", 200, &told.pages},
		} {
			status, _, body, err := k.request(r.method, r.path, []byte(r.body))
			told.mu.Lock()
			switch {
			case err != nil:
				told.cut++
			case status != r.want:
				k.t.Errorf("%s of %s: %d %s", r.method, id, status, body)
				err = context.Canceled
			default:
				*r.to = append(*r.to, id)
			}
			told.mu.Unlock()
			if err != nil {
				return
			}
		}
	}
}

// ledgerTells holds the ledger of the node against what clients were answered.
func (k *killing) ledgerTells(told *toldByNode) {
	ctx := k.t.Context()
	st, err := store.Open(ctx, store.Options{URL: k.url})
	k.must(err)
	defer st.Close()
	n, err := node.Open(ctx, st, node.Config{Log: slog.New(slog.DiscardHandler)})
	k.must(err)
	k.must(n.CatchUpLedger(ctx))
	submits, pages := map[string]int{}, map[string]int{}
	roots := map[string]string{}                    // of the commitment to each object that is there
	k.must(st.Update(ctx, func(t *store.Tx) error { // which reads: it holds what it looks at
		logs, err := t.LedgerLogs(ctx)
		if err != nil {
			return err
		}
		for _, l := range logs {
			for from := int64(0); from < l.Size; {
				page, err := t.LedgerEntries(ctx, l.Num, from, 1000)
				if err != nil || len(page) == 0 {
					return fmt.Errorf("entry %d: %w", from, err)
				}
				from += int64(len(page))
				for _, x := range page {
					var e entente.Event
					if err := json.Unmarshal(x.Body, &e); err != nil {
						return err
					}
					switch e.Kind {
					case "submit":
						submits[e.Rules["added"].Root]++
					case "deliver":
						pages[e.Filter]++
					}
				}
			}
		}
		for at := 0; at < len(told.pending); at += 500 {
			var ids []entente.ObjectID
			for _, id := range told.pending[at:min(at+500, len(told.pending))] {
				ids = append(ids, entente.ObjectID(id))
			}
			known, err := t.Known(ctx, 0, ids)
			if err != nil {
				return err
			}
			for id, all := range known {
				roots[string(id)] = entente.CountVersions([]entente.Commitment{entente.Commit(all[0].Salt, all[0].Digest)}).Root
			}
		}
		return nil
	}))
	for _, id := range told.posted {
		if roots[id] == "" {
			k.t.Errorf("%s was acknowledged and is not there", id)
		}
	}
	for id, root := range roots {
		if submits[root] != 1 {
			k.t.Errorf("%s is there, with %d events of its submission", id, submits[root])
		}
		delete(submits, root)
	}
	if len(submits) > 0 {
		k.t.Errorf("%d events of submissions are about nothing that is there", len(submits))
	}
	for _, id := range told.pages {
		found := 0
		for filter, times := range pages {
			if strings.Contains(filter, id) {
				found += times
			}
		}
		if found != 1 {
			k.t.Errorf("a page with %s was received, and has %d events", id, found)
		}
	}
	ex, err := n.Doctor(ctx, entente.LocalActor(), nil)
	k.must(err)
	for _, c := range ex.Complaints {
		if c.Check == "ledger" {
			k.t.Errorf("%s", c.Text)
		}
	}
}
