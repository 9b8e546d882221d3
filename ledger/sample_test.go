package ledger_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"entente"
	"entente/ledger"
)

// What is drawn is what a sort by rank gives, whatever the order in which events are offered.
func TestSample(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		size := rapid.Int64Range(0, 200).Draw(rt, "size")
		d := ledger.Draw{Of: ledger.Checkpoint{Origin: "entente/x/1", Size: size}, Words: rapid.String().Draw(rt, "words"), Size: rapid.IntRange(1, 50).Draw(rt, "draw")}
		fits := rapid.SliceOfDistinct(rapid.Int64Range(0, 250), func(i int64) int64 { return i }).Draw(rt, "fits")
		s := ledger.NewSampler(d)
		entry := func(i int64) [32]byte { return sha256.Sum256([]byte(fmt.Sprint(i))) }
		raw := []byte("")
		for _, i := range fits {
			raw = append(raw[:0], fmt.Sprint(i)...) // as a reader does that uses its buffer again
			s.Offer(i, entry(i), raw)
		}
		// A second way: all ranks, sorted.
		seed := sha256.Sum256([]byte("entente/sample/v1\n" + d.Of.Text() + d.Words))
		rank := func(i int64) []byte {
			var b [8]byte
			binary.BigEndian.PutUint64(b[:], uint64(i))
			sum := sha256.Sum256(append(slices.Clone(seed[:]), b[:]...))
			return sum[:]
		}
		fits = slices.DeleteFunc(fits, func(i int64) bool { return i >= size })
		slices.SortFunc(fits, func(a, b int64) int { return bytes.Compare(rank(a), rank(b)) })
		want := fits[:min(len(fits), d.Size)]
		slices.Sort(want)
		h := sha256.New()
		var got []int64
		for _, x := range s.Drawn() {
			got = append(got, x.Index)
			if string(x.Raw) != fmt.Sprint(x.Index) || x.Entry != entry(x.Index) {
				rt.Fatalf("%d: %s", x.Index, x.Raw)
			}
		}
		for _, i := range want {
			e := entry(i)
			h.Write(e[:])
		}
		if !slices.Equal(got, want) || s.Of() != int64(len(fits)) || s.List() != fmt.Sprintf("%x", h.Sum(nil)) {
			rt.Fatalf("drew %v of %d; want %v", got, s.Of(), want)
		}
	})
}

// What an event says of a draw is read back, and nothing else is.
func TestDrawIsReadBack(t *testing.T) {
	key := newKey(t, 1)
	rapid.Check(t, func(rt *rapid.T) {
		c := ledger.Checkpoint{Origin: "entente/x/1", Size: rapid.Int64Range(0, 1<<40).Draw(rt, "size")}
		if c.Size == 0 {
			c.Root = sha256.Sum256(nil)
		}
		note, err := c.Sign(key)
		if err != nil {
			rt.Fatal(err)
		}
		d := ledger.Draw{Of: c, Words: rapid.String().Draw(rt, "words"), Size: rapid.IntRange(1, ledger.MaxSample).Draw(rt, "draw"),
			Kind: rapid.SampledFrom([]string{"", "deliver", "a&b=c"}).Draw(rt, "kind"), Agreement: rapid.SampledFrom([]string{"", uuid(1)}).Draw(rt, "agreement")}
		e := entente.Event{Kind: ledger.KindSample, Checkpoints: []string{string(note)}, Text: d.Words, Filter: d.Filter()}
		if got, err := ledger.DrawOf(e); err != nil || got != d {
			rt.Fatalf("%+v, %v; want %+v", got, err, d)
		}
		for name, change := range map[string]func(*entente.Event){
			"kind":       func(e *entente.Event) { e.Kind = "deliver" },
			"checkpoint": func(e *entente.Event) { e.Checkpoints = nil },
			"filter":     func(e *entente.Event) { e.Filter += "&more=1" },
			"size":       func(e *entente.Event) { e.Filter = "size=0" },
		} {
			x := e
			change(&x)
			if _, err := ledger.DrawOf(x); entente.KindOf(err) != entente.Invalid {
				rt.Errorf("%s: %v", name, err)
			}
		}
	})
}

// sampled announces a sample as a node does.
func (h *home) sampled(d ledger.Draw, list, result string) string {
	signed := must[[]byte](h.t)(d.Of.Sign(h.key))
	return h.event(h.main, ledger.KindSample, members{"checkpoints": []string{string(signed)}, "text": d.Words, "filter": d.Filter(), "list": list, "result": result})
}

// A sample is drawn again from an export: by kind, by agreement through the logs of partners,
// and not where the event tells of another one, or its words came before the checkpoint.
func TestRedraw(t *testing.T) {
	draw := func(t *testing.T, d ledger.Draw, spoil func(*home, *ledger.Draw, *string)) (*ledger.Sampler, error) {
		h := newHome(t)
		f, g := h.feed(), h.feed()
		g.Agreement = uuid(401)
		for range 4 {
			h.judge(f, 2)
			h.judge(g, 1)
			h.deliver(f, uuid(201), 0)
			h.deliver(g, uuid(202), 0)
		}
		h.heads()
		d.Of = ledger.Checkpoint{Origin: h.main.origin, Size: h.main.tree.Size(), Root: h.main.tree.Root()}
		h.heads()
		list, result := "", ""
		if spoil != nil {
			spoil(h, &d, &list)
		}
		// Drawn by hand: which events fit, by what the world above made.
		s := ledger.NewSampler(d)
		for i, e := range h.main.entries[:min(int(d.Of.Size), len(h.main.entries))] {
			kind, agreement := []string{"judge", "judge", "deliver", "deliver"}[i%4], []string{uuid(400), uuid(401)}[i%2]
			if i == 16 {
				kind, agreement = "heads", ""
			}
			if (d.Kind == "" || d.Kind == kind) && (d.Agreement == "" || d.Agreement == agreement) {
				s.Offer(int64(i), e, nil)
			}
		}
		if result = s.Result(); list == "" {
			list = s.List()
		}
		h.sampled(d, list, result)
		files := h.write()
		id := ""
		if _, err := ledger.Verify(context.Background(), ledger.Dir(files), ledger.Options{Each: func(e ledger.Entered) error {
			if e.Event.Kind == ledger.KindSample {
				id = e.Event.ID
			}
			return nil
		}}); err != nil {
			t.Fatal(err)
		}
		again, drawn, err := ledger.Redraw(context.Background(), ledger.Dir(files), ledger.Options{}, id)
		if err == nil && (again != d || drawn.List() != s.List()) {
			t.Errorf("%+v, %s", again, drawn.Result())
		}
		for _, x := range drawnOf(drawn) {
			var e entente.Event
			if jsonErr := json.Unmarshal(x.Raw, &e); jsonErr != nil || d.Kind != "" && e.Kind != d.Kind {
				t.Errorf("%d: %s, %v", x.Index, x.Raw, jsonErr)
			}
		}
		return drawn, err
	}
	for what, d := range map[string]ledger.Draw{
		"all":                  {Words: "w", Size: 5},
		"more than there are":  {Words: "w", Size: 500},
		"a kind":               {Words: "w", Size: 2, Kind: "judge"},
		"an agreement":         {Words: "w", Size: 100, Agreement: uuid(401)},
		"a kind and agreement": {Words: "w", Size: 3, Kind: "deliver", Agreement: uuid(400)},
	} {
		s, err := draw(t, d, nil)
		if err != nil || len(s.Drawn()) == 0 {
			t.Errorf("%s: %v", what, err)
		}
	}
	for part, spoil := range map[string]func(*home, *ledger.Draw, *string){
		"drawn again":                func(_ *home, _ *ledger.Draw, list *string) { *list = strings.Repeat("0", 64) },
		"the export's has":           func(_ *home, d *ledger.Draw, _ *string) { d.Of.Root[0] ^= 1 },
		"not chosen after":           func(h *home, d *ledger.Draw, _ *string) { d.Of.Size += 100 },
		"not the log that announced": func(h *home, d *ledger.Draw, _ *string) { d.Of.Origin += "/x" },
	} {
		if _, err := draw(t, ledger.Draw{Words: "w", Size: 3}, spoil); err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("%s: %v", part, err)
		}
	}
}

func drawnOf(s *ledger.Sampler) []ledger.Drawn {
	if s == nil {
		return nil
	}
	return s.Drawn()
}
