package store

import (
	"context"

	"entente"
)

// Bare writes versions as the bare inserts that an intake comes down to: the same rows
// into the same tables with the same indexes, durable, and no facts, decisions or state
// before them; likewise what the follower comes down to. It is the measure that "entente bench" holds intake against, and works on
// an empty feed of its own.
type Bare struct {
	s    *Store
	feed int64
	next int64

	indexed int64 // what the follower has read
}

// NewBare makes a feed for bare inserts in an open database.
func NewBare(ctx context.Context, s *Store) (*Bare, error) {
	b := &Bare{s: s, next: 1}
	var err error
	if b.feed, err = s.Reserve(ctx, "feed", 1, 0); err != nil {
		return nil, err
	}
	err = s.Update(ctx, func(t *Tx) error {
		_, err := t.exec(ctx, `INSERT INTO feed (feed, head, added) VALUES ($1, 0, 0)`, b.feed)
		return err
	})
	return b, err
}

// Insert writes one batch in one transaction.
func (b *Bare) Insert(ctx context.Context, versions []*entente.Version) error {
	first := b.next
	b.next += int64(len(versions))
	return b.s.Update(ctx, func(t *Tx) error {
		c := entente.Change{Feed: b.feed, Head: first + int64(len(versions)) - 1, Added: first + int64(len(versions))}
		for i, v := range versions {
			n := first + int64(i)
			c.Contents = append(c.Contents, entente.NewContent{Content: n, Version: v})
			c.Lines = append(c.Lines, entente.NewLine{Line: entente.Line{Seq: n, Content: n, Added: n}, Type: v.Type, Of: v.Spec})
		}
		if err := t.applyContents(ctx, c); err != nil {
			return err
		}
		return t.applyLines(ctx, c)
	})
}

// Index writes what search and look-ups know of a batch, in one transaction.
func (b *Bare) Index(ctx context.Context, texts []SearchText, values []ContentValue) error {
	err := b.s.UpdateIndex(ctx, func(t *Tx) error {
		if err := t.PutValues(ctx, values); err != nil {
			return err
		}
		return t.PutSearch(ctx, "bare", b.feed, Reading{From: b.indexed, To: b.next}, texts)
	})
	if err == nil {
		b.indexed = b.next
	}
	return err
}

// Next is the number of the content that comes next.
func (b *Bare) Next() int64 { return b.next }
