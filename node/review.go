package node

import (
	"context"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/pem"

	"entente"
	"entente/store"
)

// Reviews is what reviewers wrote and recommended, and what would shut one out.
type Reviews struct {
	Recommendations []entente.Recommendation // oldest first
	Notes           []entente.ReviewNote     // the latest first
	Removals        []entente.Removal        // that wait for a second person, oldest first
	Names           map[string]string        // by id
}

// notesListed is how many findings are listed at most.
const notesListed = 1000

// Reviews lists what reviewers wrote, about a subject or about all where that is "", for who
// holds a role at home or reads everything.
func (n *Node) Reviews(ctx context.Context, a entente.Actor, subject string) (Reviews, error) {
	if err := mayKnowPartners(a); err != nil {
		return Reviews{}, err
	}
	var out Reviews
	err := n.view(ctx, a, func(t *store.Tx) (err error) {
		if out.Notes, err = t.ReviewNotes(ctx, subject, notesListed); err != nil {
			return err
		}
		if out.Recommendations, err = t.Recommendations(ctx); err != nil {
			return err
		}
		removals, err := t.Removals(ctx, "")
		if err != nil {
			return err
		}
		for _, r := range removals {
			if r.Stands(n.now()) {
				out.Removals = append(out.Removals, r)
			}
		}
		out.Names, err = allNames(ctx, t)
		return err
	})
	return out, err
}

// unanswered are recommendations that nobody has answered, oldest first.
func unanswered(ctx context.Context, t *store.Tx) ([]entente.Recommendation, error) {
	all, err := t.Recommendations(ctx)
	var out []entente.Recommendation
	for _, r := range all {
		if r.Answered == 0 {
			out = append(out, r)
		}
	}
	return out, err
}

// watchReviews tells how many recommendations are unanswered past their time.
func (n *Node) watchReviews(waiting []entente.Recommendation) {
	var late float64
	for _, r := range waiting {
		if r.Overdue(n.now()) {
			late++
		}
	}
	if late > n.meters.unanswered.Get() {
		n.log.Warn("a reviewer's recommendation to suspend has not been answered in time", "recommendations", late)
	}
	n.meters.unanswered.Set(late)
}

// ReadPublicKey reads the Ed25519 key with which a person signs (PEM, RFC 7468 §13).
func ReadPublicKey(text []byte) (key [ed25519.PublicKeySize]byte, err error) {
	if b, _ := pem.Decode(text); b != nil {
		if any, err := x509.ParsePKIXPublicKey(b.Bytes); err == nil {
			if k, ok := any.(ed25519.PublicKey); ok {
				copy(key[:], k)
				return key, nil
			}
		}
	}
	return key, entente.Errorf(entente.Invalid, "this is no public Ed25519 key in PEM; \"openssl pkey -in FILE -pubout\" writes one")
}

// ReadPrivateKey reads the secret half (PEM, RFC 8410 §7).
func ReadPrivateKey(text []byte) (ed25519.PrivateKey, error) {
	if b, _ := pem.Decode(text); b != nil {
		if any, err := x509.ParsePKCS8PrivateKey(b.Bytes); err == nil {
			if k, ok := any.(ed25519.PrivateKey); ok {
				return k, nil
			}
		}
	}
	return nil, entente.Errorf(entente.Invalid, "this is no private Ed25519 key in PEM; \"openssl genpkey -algorithm ed25519\" makes one")
}
