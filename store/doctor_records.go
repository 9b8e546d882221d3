package store

import (
	"context"
	"fmt"
)

// Broken is something that does not agree with the rest of the database.
type Broken struct {
	Harmless bool // a leftover that nobody reads
	Text     string
}

// broken is a question whose every answer is a fault: two texts that go into the format.
type broken struct {
	text, format string
	harmless     bool
}

func brokenReferences() []broken {
	missing := func(table, column, name, to, key, format string) broken {
		return broken{text: `SELECT CAST(a.` + name + ` AS TEXT), CAST(a.` + column + ` AS TEXT) FROM ` + table + ` a LEFT JOIN ` + to + ` b ON b.` + key + ` = a.` + column +
			` WHERE b.` + key + ` IS NULL ORDER BY 1, 2`, format: format}
	}
	leftover := func(b broken) broken {
		b.harmless = true
		return b
	}
	return []broken{
		missing("account", "organisation", "name", "organisation", "id", "account %q belongs to the organisation %s, which does not exist"),
		missing("own_identity", "organisation", "id", "organisation", "id", "the identity %s belongs to the organisation %s, which does not exist"),
		missing("mandate", "account", "id", "account", "id", "mandate %s is held by the account %s, which does not exist"),
		missing("interest", "account", "id", "account", "id", "conflict %s was declared by the account %s, which does not exist"),
		missing("account_key", "account", "added_by", "account", "id", "a key that %q registered belongs to the account %s, which does not exist"),
		missing("stop", "organisation", "id", "organisation", "id", "stop %s is on the organisation %s, which does not exist"),
		missing("token", "account", "id", "account", "id", "token %s belongs to the account %s, which does not exist"),
		missing("certificate", "account", "id", "account", "id", "certificate %s belongs to the account %s, which does not exist"),
		missing("permission", "account", "collection", "account", "id", "a right to the collection %s belongs to the account %s, which does not exist"),
		missing("permission", "collection", "account", "collection", "id", "account %s has a right to the collection %s, which does not exist"),
		missing("collection", "root", "name", "root", "name", "collection %q is in the API root %q, which does not exist"),
		missing("collection", "feed", "name", "feed", "feed", "collection %q has the feed %s, which does not exist"),
		missing("remote", "collection", "name", "collection", "id", "remote %q works on the collection %s, which does not exist"),
		leftover(broken{text: `SELECT a.id, a.root FROM status a LEFT JOIN root b ON b.name = a.root LEFT JOIN agreement g ON g.name = a.root
			WHERE b.name IS NULL AND g.name IS NULL ORDER BY 1, 2`, format: "status %s answers a POST to the API root %q, which does not exist"}),
		missing("stop_gap", "organisation", "stop", "organisation", "id", "the stop %s left something out for the organisation %s, which does not exist"),
		leftover(broken{text: `SELECT w.name, CAST(w.feed AS TEXT) FROM follower w LEFT JOIN feed f ON f.feed = w.feed LEFT JOIN sweep s ON s.feed = w.feed
			WHERE f.feed IS NULL AND s.feed IS NULL ORDER BY 1, 2`, format: "follower %q remembers a position in the feed %s, which does not exist"}),
		leftover(missing("value", "content", "vkey", "content", "content", "value %s is said to be in the content %s, which does not exist")),
		{text: `SELECT CAST(f.feed AS TEXT), '' FROM feed f LEFT JOIN collection c ON c.feed = f.feed
			LEFT JOIN release_feed r ON r.feed = f.feed WHERE c.feed IS NULL AND r.feed IS NULL ORDER BY f.feed`,
			format: "feed %s belongs to no collection%s and to no agreement"},
		missing("release_feed", "feed", "id", "feed", "feed", "the release feed %s has the feed %s, which does not exist"),
		missing("release_feed", "agreement", "id", "agreement", "num", "the release feed %s belongs to the agreement number %s, which does not exist"),
		missing("terms", "agreement", "version", "agreement", "num", "version %s of terms belongs to the agreement number %s, which does not exist"),
		missing("step", "agreement", "step", "agreement", "num", "step %s belongs to the agreement number %s, which does not exist"),
		missing("member", "organisation", "agreement", "organisation", "id", "a member of the agreement number %s is the organisation %s, which does not exist"),
		{text: `SELECT a.name, CAST(a.terms AS TEXT) FROM agreement a LEFT JOIN terms v ON v.agreement = a.num AND v.version = a.terms WHERE a.terms > 0 AND v.version IS NULL ORDER BY a.name`,
			format: "the agreement %q has version %s of its terms in force, which does not exist"},
		{text: `SELECT a.name, '' FROM agreement a LEFT JOIN terms v ON v.agreement = a.num WHERE v.version IS NULL ORDER BY a.name`, format: "the agreement %q has no terms%s"},
		{text: `SELECT CAST(s.last AS TEXT), CAST((SELECT MAX(num) FROM agreement) AS TEXT) FROM series s WHERE s.name = 'agreement' AND s.last < (SELECT MAX(num) FROM agreement)`,
			format: "numbers of agreements are given out from %s on, and %s exists already"},
		{text: `SELECT CAST(l.feed AS TEXT), CAST(COUNT(*) AS TEXT) FROM line l LEFT JOIN feed f ON f.feed = l.feed LEFT JOIN sweep s ON s.feed = l.feed
			WHERE f.feed IS NULL AND s.feed IS NULL GROUP BY l.feed ORDER BY l.feed`, format: "feed %s does not exist, and %s lines belong to it"},
		{text: `SELECT w.name, c.name FROM follower w JOIN feed f ON f.feed = w.feed JOIN collection c ON c.feed = f.feed WHERE w.seq > f.head ORDER BY 1, 2`,
			format: "follower %q is beyond the head of the collection %q: it will miss what comes next"},
		{text: `SELECT CAST(s.last AS TEXT), CAST((SELECT MAX(content) FROM content) AS TEXT) FROM series s WHERE s.name = 'content' AND s.last < (SELECT MAX(content) FROM content)`,
			format: "numbers of contents are given out from %s on, and %s is taken already"},
		{text: `SELECT CAST(s.last AS TEXT), CAST((SELECT MAX(feed) FROM feed) AS TEXT) FROM series s WHERE s.name = 'feed' AND s.last < (SELECT MAX(feed) FROM feed)`,
			format: "numbers of feeds are given out from %s on, and %s is taken already"},
		{text: `SELECT CAST(s.last AS TEXT), CAST((SELECT MAX(num) FROM organisation) AS TEXT) FROM series s WHERE s.name = 'organisation' AND s.last < (SELECT MAX(num) FROM organisation)`,
			format: "numbers of organisations are given out from %s on, and %s is taken already"},
		{text: `SELECT CAST(COUNT(*) AS TEXT), '' FROM organisation WHERE home = 1 HAVING COUNT(*) <> 1`, format: "%s organisations are home, and one must be%s"},
		{text: `SELECT CAST(COUNT(*) AS TEXT), '' FROM root HAVING COUNT(*) = 0`, format: "there are %s API roots: TAXII clients find nothing%s"},
		{text: `SELECT CAST(s.feed AS TEXT), CAST(s.seq AS TEXT) FROM stamped s LEFT JOIN line l ON l.feed = s.feed AND l.seq = s.seq
			LEFT JOIN content c ON c.content = s.content LEFT JOIN content o ON o.content = s.original
			WHERE l.content IS NULL OR l.content <> s.content OR c.content IS NULL OR o.content IS NULL OR o.id <> c.id OR o.micros <> c.micros OR o.rest <> c.rest ORDER BY s.feed, s.seq`,
			format: "feed %s, line %s is said to carry a stamped copy, and does not, or of another version"},
		{text: `SELECT CAST(m.feed AS TEXT), CAST(m.seq AS TEXT) FROM moved m JOIN feed f ON f.feed = m.feed LEFT JOIN line l ON l.feed = m.feed AND l.seq = m.seq
			LEFT JOIN line b ON b.feed = m.feed AND b.seq = m.before WHERE l.content IS NULL OR b.content IS NULL OR b.content <> l.content ORDER BY m.feed, m.seq`,
			format: "feed %s, line %s is said to have come into view again, and did not"},
		{text: `SELECT CAST(p.feed AS TEXT), CAST(p.ends AS TEXT) FROM flip p LEFT JOIN feed f ON f.feed = p.feed
			WHERE f.feed IS NULL OR p.begins >= p.ends OR p.ends > f.head OR p.base + p.ends > f.added ORDER BY p.feed, p.ends`,
			format: "feed %s is said to have had lines up to %s made visible at once, and does not reach that far"},
		missing("erased", "content", "erasure", "content", "content", "the erasure %s is about the content %s, which does not exist"),
		missing("erased", "erasure", "content", "erasure", "id", "content %s is said to be erased by the erasure %s, which does not exist"),
		{text: `SELECT id, account FROM certificate WHERE LENGTH(pin) <> 32 ORDER BY id`, format: "certificate %s of the account %s has no SHA-256: nobody can sign in with it"},
		{text: `SELECT id, account FROM token WHERE LENGTH(hash) <> 32 ORDER BY id`, format: "token %s of the account %s has no SHA-256: nobody can sign in with it"},
	}
}

// BrokenRecords finds what refers to nothing among the tables that are not intelligence.
func (t *Tx) BrokenRecords(ctx context.Context) ([]Broken, error) {
	var out []Broken
	if err := t.holdIndex(ctx); err != nil {
		return nil, err
	}
	for _, b := range append(brokenReferences(), broken{format: "the release feed %s has the line %s, and nobody has submitted what it carries",
		text: `SELECT r.id, CAST(l.seq AS TEXT) FROM release_feed r JOIN collection k ON k.id = r.collection JOIN line l ON l.feed = r.feed AND l.gone = 0
			LEFT JOIN stamped s ON s.feed = l.feed AND s.seq = l.seq WHERE NOT EXISTS (SELECT 1 FROM line o` + t.s.d.by("line_content") + `
			WHERE o.content = COALESCE(s.original, l.content) AND o.feed = k.feed AND o.source = l.source AND (o.gone = 0 OR o.gone > r.seen)) ORDER BY 1, 2`,
	}, broken{harmless: true, format: "full text has the content %s, which does not exist%s",
		text: `SELECT CAST(s.content AS TEXT), '' FROM ` + t.s.d.searchRows + ` s LEFT JOIN content c ON c.content = s.content WHERE c.content IS NULL ORDER BY s.content`}) {
		if err := t.broken(ctx, b, &out); err != nil {
			return out, err
		}
	}
	return out, nil
}

// maxBroken bounds how many answers of one question are told.
const maxBroken = 1000

func (t *Tx) broken(ctx context.Context, b broken, out *[]Broken) error {
	rows, err := t.tx.QueryContext(ctx, b.text+fmt.Sprintf(" LIMIT %d", maxBroken))
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var one, two string
		if err := rows.Scan(&one, &two); err != nil {
			return err
		}
		*out = append(*out, Broken{b.harmless, fmt.Sprintf(b.format, one, two)})
	}
	return rows.Err()
}

// LeaseHeld is a job that a process has.
type LeaseHeld struct {
	Job, Holder string
	Expires     int64 // microseconds since 1970
}

// Leases lists the jobs that processes have, by name.
func (t *Tx) Leases(ctx context.Context) ([]LeaseHeld, error) {
	rows, err := t.tx.QueryContext(ctx, `SELECT name, holder, expires FROM lease ORDER BY name`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []LeaseHeld
	for rows.Next() {
		var l LeaseHeld
		if err := rows.Scan(&l.Job, &l.Holder, &l.Expires); err != nil {
			return nil, err
		}
		out = append(out, l)
	}
	return out, rows.Err()
}
