package node

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"runtime"
	"slices"
	"sync"

	"entente"
	"entente/stix"
	"entente/store"
)

// contents looks at the bytes of every content, and at what is said of them elsewhere.
func (d *doctor) contents(ctx context.Context) error {
	after := int64(math.MinInt64)
	for {
		var page []store.StoredContent
		err := d.n.st.View(ctx, func(t *store.Tx) (err error) {
			page, err = t.Contents(ctx, searchJob, after, doctorContents)
			return err
		})
		if err != nil {
			return fmt.Errorf("beyond content %d: %w", after, err)
		}
		if len(page) == 0 {
			return nil
		}
		for i, found := range examineAll(page) {
			for _, c := range found {
				text := fmt.Sprintf("content %d (%s): %s", page[i].Content, clipped(page[i].ID), c.Text)
				if c.Warning {
					d.warn(c.Check, "%s", text)
				} else {
					d.fault(c.Check, "%s", text)
				}
			}
		}
		after = page[len(page)-1].Content
		d.progress(int64(len(page)))
	}
}

// clipped keeps what a damaged row holds from flooding a report.
func clipped(s string) string {
	if len(s) > 300 {
		return s[:300] + "…"
	}
	return s
}

// examineAll looks at contents on all processors.
func examineAll(page []store.StoredContent) [][]Complaint {
	out := make([][]Complaint, len(page))
	workers := runtime.GOMAXPROCS(0)
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			for i := w; i < len(page); i += workers {
				out[i] = examine(page[i])
			}
		})
	}
	wg.Wait()
	return out
}

// examine holds a content's row against its bytes.
func examine(c store.StoredContent) []Complaint {
	var out []Complaint
	fault := func(check, format string, args ...any) {
		out = append(out, Complaint{Check: check, Text: fmt.Sprintf(format, args...)})
	}
	if c.Removed {
		if len(c.Bytes) > 0 {
			fault(checkContent, "its bytes were erased, and there are %d", len(c.Bytes))
		}
		if c.InSearch || len(c.Values) > 0 {
			out = append(out, Complaint{Check: checkIndex, Warning: true, Text: "it was erased, and the indexes have something of it still; a server clears them"})
		}
		return out
	}
	v, findings := stix.Parse(c.Bytes)
	if v == nil {
		fault(checkContent, "its bytes are not a STIX object: %v", refusal(parsed{findings: findings}))
		return out
	}
	key := v.Key()
	for _, f := range []struct {
		what      string
		has, want any
	}{
		{"id", c.ID, string(v.ID)}, {"key of its id", c.Fold, entente.ObjectID(c.ID).Fold()}, {"specification", c.Spec, int64(v.Spec)},
		{"version", c.Stamp, v.Stamp().Text}, {"moment", c.Key, key},
	} {
		if f.has != f.want {
			fault(checkContent, "its %s is %v, and its bytes say %v", f.what, f.has, f.want)
		}
	}
	if !bytes.Equal(c.Digest, v.Digest[:]) {
		fault(checkContent, "its bytes have the digest %s, and %x is stored: they are not what came in", v.Digest, c.Digest)
	}
	if !c.Followed {
		return out
	}
	if !c.InSearch {
		fault(checkIndex, "full text does not have it")
	}
	want := IndexedBy(c.Bytes)
	has := slices.Sorted(slices.Values(c.Values))
	missing, extra := lacks(has, want), lacks(want, has)
	if missing > 0 {
		fault(checkIndex, "the index of values lacks %d of its %d values", missing, len(want))
	}
	if extra > 0 {
		out = append(out, Complaint{Check: checkIndex, Warning: true, Text: fmt.Sprintf("the index of values has %d values for it that it does not name", extra)})
	}
	return out
}

// lacks counts what sorted keys do not have of others.
func lacks(sorted, others []int64) (n int) {
	for _, key := range others {
		if _, ok := slices.BinarySearch(sorted, key); !ok {
			n++
		}
	}
	return n
}
