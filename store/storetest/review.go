package storetest

import (
	"bytes"
	"context"
	"path/filepath"
	"testing"

	"entente"
	"entente/store"
)

// reviews is everything that is known of reviewers' work.
type reviews struct {
	Notes           []entente.ReviewNote
	Recommendations []entente.Recommendation
	Removals        []entente.Removal
	Key             *entente.AccountKey
}

func (h *harness) reviews(account string) (r reviews) {
	h.t.Helper()
	h.view(func(ctx context.Context, t *store.Tx) (err error) {
		if r.Notes, err = t.ReviewNotes(ctx, "", 10); err != nil {
			return err
		}
		if r.Recommendations, err = t.Recommendations(ctx); err != nil {
			return err
		}
		if r.Removals, err = t.Removals(ctx, ""); err != nil {
			return err
		}
		r.Key, err = t.AccountKey(ctx, account)
		return err
	})
	return r
}

// testReview holds that findings, recommendations, answers, keys and what waits for a second
// person are kept as they were decided, and come back out of a backup.
func testReview(t *testing.T, open func() *store.Store) {
	h := newHarness(t, open())
	p := h.do(entente.AddPartner{Name: "Beta"}).ID
	c := h.collection("C")
	v := version("tool", 1, jan, "a")
	h.submit(c, v)
	h.do(entente.AddAccount{Name: "one", Roles: []entente.Role{entente.Operator}})
	h.do(entente.AddAccount{Name: "two", Roles: []entente.Role{entente.Operator}})
	ann := h.do(entente.AddAccount{Name: "ann", Roles: []entente.Role{entente.Releaser}}).ID
	eve := h.do(entente.AddAccount{Name: "eve", Roles: []entente.Role{entente.Reviewer}, PasswordHash: "first"}).ID
	one, two := h.signedIn("one").Account.ID, h.signedIn("two").Account.ID

	note := entente.ReviewNote{Subject: string(v.ID), Text: "t", By: eve}
	note.ID = h.doAs("eve", entente.AddReviewNote{Subject: note.Subject, Text: note.Text})
	note.At = h.now
	for _, unknown := range []string{"tool--00000000-0000-4000-8000-000000000099", "00000000-0000-4000-8000-000000000099", "x", ""} {
		if _, err := h.try(h.signedIn("eve"), entente.AddReviewNote{Subject: unknown, Text: "t"}); entente.KindOf(err) != entente.NotFound {
			t.Errorf("a finding about %q: %v", unknown, err)
		}
	}
	rec := entente.Recommendation{Partner: p, Reason: "r", By: eve}
	rec.ID = h.doAs("eve", entente.Recommend{Partner: p, Reason: "r"})
	rec.At, rec.Due = h.now, h.now+entente.AnswerWithin
	key := &entente.AccountKey{Account: eve, Key: bytes.Repeat([]byte{7}, 32), By: one}
	h.doAs("one", entente.SetAccountKey{Account: eve, Key: [32]byte(key.Key)})
	key.Added = h.now
	ask := entente.Removal{Account: eve, What: "replace the password", By: one}
	ask.ID = h.doAs("one", entente.SetPassword{Account: eve, PasswordHash: "other"})
	ask.At = h.now
	same(t, "before anybody answers", h.reviews(eve), reviews{[]entente.ReviewNote{note}, []entente.Recommendation{rec}, []entente.Removal{ask}, key})
	same(t, "the password", h.signedIn("eve").Account.PasswordHash, "first")

	h.doAs("ann", entente.AnswerRecommendation{Recommendation: rec.ID, Reason: "unfounded"})
	rec.AnswerReason, rec.AnsweredBy, rec.Answered = "unfounded", ann, h.now
	h.doAs("two", entente.SetPassword{Account: eve, PasswordHash: "third"})
	ask.ConfirmedBy, ask.Confirmed = two, h.now
	want := reviews{[]entente.ReviewNote{note}, []entente.Recommendation{rec}, []entente.Removal{ask}, key}
	same(t, "afterwards", h.reviews(eve), want)
	same(t, "the password", h.signedIn("eve").Account.PasswordHash, "third")
	h.view(func(ctx context.Context, tx *store.Tx) error {
		none, err := tx.ReviewNotes(ctx, "another", 10)
		if err == nil && len(none) > 0 {
			t.Errorf("about another: %+v", none)
		}
		about, err2 := tx.ReviewNotes(ctx, string(v.ID), 10)
		same(t, "about it", about, want.Notes)
		if err == nil {
			err = err2
		}
		return err
	})

	// A token, a certificate and the mandate are found with whose they are.
	for what, c := range map[string]entente.Command{
		"token":       entente.RemoveToken{Token: h.doAs("one", entente.AddToken{Account: eve, Hash: [32]byte{1}})},
		"certificate": entente.RemoveCertificate{Certificate: h.doAs("one", entente.AddCertificate{Account: eve, Key: entente.Pin{1}, Expires: h.now + 1<<40})},
		"mandate":     entente.EndMandate{Mandate: eve + "/reviewer"},
		"account":     entente.DisableAccount{Account: eve},
		"key":         entente.SetAccountKey{Account: eve, Key: [32]byte{8}},
	} {
		r, err := h.try(h.signedIn("one"), c)
		if err != nil || !r.Waits {
			t.Errorf("%s: %+v, %v", what, r, err)
		}
	}
	want.Removals = h.reviews(eve).Removals

	var out bytes.Buffer
	if _, err := h.st.Backup(context.Background(), &out, h.now, nil); err != nil {
		t.Fatal(err)
	}
	url := filepath.Join(t.TempDir(), "restored.db")
	if _, err := store.Restore(context.Background(), store.Options{URL: url}, bytes.NewReader(out.Bytes()), int64(out.Len()), store.RestoreOptions{}); err != nil {
		t.Fatal(err)
	}
	restored := &harness{t: t, st: Open(t, url), now: h.now, seq: 1000}
	same(t, "restored", restored.reviews(eve), want)
}
