package store

import (
	"cmp"
	"context"
	"math"
	"slices"
	"strings"
	"sync"

	"entente"
)

func sortMatter(m *entente.Matter) {
	slices.SortFunc(m.Submissions, func(x, y entente.Submission) int {
		return cmp.Or(cmp.Compare(x.Place, y.Place), cmp.Compare(x.Seq, y.Seq))
	})
	slices.SortFunc(m.Standing, func(x, y entente.Standing) int {
		return cmp.Or(cmp.Compare(x.Place, y.Place), cmp.Compare(x.Line.Seq, y.Line.Seq))
	})
}

// origins fills in who submitted what others than home supplied, and through which
// agreement.
func (l *Library) origins(all []*entente.Submission) error {
	home, err := l.t.Home(l.ctx)
	if err != nil {
		return err
	}
	foreign := map[int][]*entente.Submission{} // by place
	for _, s := range all {
		if s.Source != home.ID {
			foreign[s.Place] = append(foreign[s.Place], s)
		}
	}
	names := map[int64]string{0: "", l.a.Num: l.a.ID}
	for place, some := range foreign {
		seqs := make([]int64, len(some))
		for i, s := range some {
			seqs[i] = s.Seq
		}
		batches, err := l.t.batches(l.ctx, l.a.Feeds[place].Log, seqs)
		if err != nil {
			return err
		}
		for _, s := range some {
			b := batches[s.Seq]
			if _, ok := names[b.Via]; !ok {
				id, err := l.t.strings(l.ctx, `SELECT id FROM agreement WHERE num = $1`, b.Via)
				if err != nil {
					return err
				}
				names[b.Via] = strings.Join(id, "")
			}
			s.Author, s.Via = b.Account, names[b.Via]
		}
	}
	return nil
}

// bodies fills in the versions of submissions: those of the window are there, others are read.
func (l *Library) bodies(all []*entente.Matter) error {
	missing := map[int64]bool{}
	for _, m := range all {
		for _, s := range m.Submissions {
			if l.version(s.Content) == nil {
				missing[s.Content] = true
			}
		}
	}
	if len(missing) > 0 {
		if err := l.read(missing); err != nil {
			return err
		}
	}
	for _, m := range all {
		for i := range m.Submissions {
			m.Submissions[i].Version = l.version(m.Submissions[i].Content)
		}
		// What cannot be read any more is damage, for the doctor to tell; it is not released.
		m.Submissions = slices.DeleteFunc(m.Submissions, func(s entente.Submission) bool { return s.Version == nil })
	}
	return nil
}

// read reads and parses contents. The next are read while one is parsed.
func (l *Library) read(missing map[int64]bool) error {
	contents := keysOf(missing)
	slices.Sort(contents) // as they lie
	in, arg := l.t.s.d.ints("$1", contents)
	rows, err := l.t.query(l.ctx, `SELECT content, digest, body FROM content WHERE content IN `+in, arg)
	if err != nil {
		return err
	}
	defer rows.Close()
	type held struct {
		content      int64
		digest, body []byte
	}
	bodies := make(chan held, 64)
	var parsing sync.WaitGroup
	parsing.Go(func() {
		for x := range bodies {
			l.versions[x.content] = l.parse(x.body, digestOf(x.digest))
		}
	})
	defer parsing.Wait()
	defer close(bodies)
	for rows.Next() {
		var x held
		if err := rows.Scan(&x.content, &x.digest, &x.body); err != nil {
			return err
		}
		bodies <- x
	}
	return rows.Err()
}

// version is what was parsed of a content, nil if nothing was.
func (l *Library) version(content int64) *entente.Version {
	if v := l.w.versions[content]; v != nil && !l.erased[content] {
		return v
	}
	return l.versions[content]
}

// Commitments gives the commitments to some contents: to those of the window as it has them.
func (l *Library) Commitments(contents []int64) (map[int64]entente.Commitment, error) {
	var others []int64
	for _, content := range contents {
		if _, ok := l.w.commitments[content]; !ok || l.erased[content] {
			others = append(others, content)
		}
	}
	out, err := l.t.Commitments(l.ctx, others)
	if err != nil {
		return nil, err
	}
	for _, content := range contents {
		if c, ok := l.w.commitments[content]; ok && !l.erased[content] {
			out[content] = c
		}
	}
	return out, nil
}

// forget finds what the window holds the bytes of and the store does not any more.
func (l *Library) forget() error {
	any, err := l.t.numbers(l.ctx, `SELECT content FROM erased WHERE removed <> 0 LIMIT 1`)
	if err != nil || len(any) == 0 || len(l.w.versions) == 0 {
		return err
	}
	in, arg := l.t.s.d.ints("$1", keysOf(l.w.versions))
	erased, err := l.t.numbers(l.ctx, `SELECT content FROM erased WHERE removed <> 0 AND content IN `+in, arg)
	l.erased = map[int64]bool{}
	for _, content := range erased {
		l.erased[content] = true
	}
	return err
}

// decisions fills in what was decided about objects.
func (l *Library) decisions(ids []entente.ObjectID, at map[entente.ObjectID]*entente.Matter) error {
	if !l.decided {
		return nil
	}
	all, err := l.t.Decisions(l.ctx, l.a.Num, ids)
	if err != nil {
		return err
	}
	for _, d := range all {
		if m := at[d.Object]; m != nil {
			m.Decisions = append(m.Decisions, d)
		}
	}
	restrictions, err := l.t.Restrictions(l.ctx, ids)
	if err != nil {
		return err
	}
	for _, r := range restrictions {
		if m := at[r.Object]; m != nil && r.Lifted == 0 {
			m.Restrict(r)
		}
	}
	consents, err := l.t.Consents(l.ctx, ids)
	if err != nil {
		return err
	}
	for _, k := range consents {
		if m := at[k.Object]; m != nil {
			m.Consents = append(m.Consents, k)
		}
	}
	return l.dissent(ids, at)
}

// dissent fills in which opinions and notes dissent from objects. Whose they are is told by
// who supplied them: home, or the organisation that made the object, which the advance asks.
// What its source has struck, or replaced by a newer version, counts no more.
func (l *Library) dissent(ids []entente.ObjectID, at map[entente.ObjectID]*entente.Matter) error {
	in, arg := l.t.s.d.ints("$1", folds(ids))
	rows, err := l.t.query(l.ctx, `SELECT d.about, d.object, o.id, l.added FROM dissent d JOIN content c ON c.content = d.content
		JOIN line l`+l.t.s.d.by("line_content")+` ON l.content = d.content JOIN collection k ON k.feed = l.feed JOIN organisation o ON o.num = l.source
		WHERE d.okey IN `+in+` AND l.gone = 0 AND `+dissentCounts+` ORDER BY d.object, o.id, l.added`, arg)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var about, object, source string
		var added int64
		if err := rows.Scan(&about, &object, &source, &added); err != nil {
			return err
		}
		m := at[entente.ObjectID(about)]
		if m == nil {
			continue
		}
		id := entente.ObjectID(object)
		if n := len(m.Dissent); n == 0 || m.Dissent[n-1].Object != id || m.Dissent[n-1].Source != source {
			m.Dissent = append(m.Dissent, entente.Dissent{Object: id, Source: source, Since: added})
		}
	}
	return rows.Err()
}

// Present is for [entente.Library].
func (l *Library) Present(ids []entente.ObjectID) (map[entente.ObjectID]entente.Presence, error) {
	out := map[entente.ObjectID]entente.Presence{}
	wanted := make(map[entente.ObjectID]bool, len(ids))
	if len(l.vocabulary) == 0 { // else it is to be told whether it is there as well
		ids = slices.DeleteFunc(slices.Clone(ids), func(id entente.ObjectID) bool {
			if l.standing == nil || !l.standing.has(id) {
				return l.standing.none(id)
			}
			out[id] = entente.InFeed
			return true
		})
	}
	if len(ids) == 0 {
		return out, nil
	}
	for _, id := range ids {
		wanted[id] = true
	}
	carried := make(map[int64]entente.ObjectID, len(ids)) // by content
	if err := l.t.contentsOf(l.ctx, ids, func(c heldContent) {
		if wanted[c.id] {
			carried[c.content] = c.id
		}
	}); err != nil || len(carried) == 0 {
		return out, err
	}
	from, where, args := l.t.s.d.carrying(keysOf(carried), slices.Concat(l.vocabulary, l.feedNumbers()))
	rows, err := l.t.query(l.ctx, `SELECT l.feed, l.content, l.gone, l.rival FROM `+from+where, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var feed, content, gone, rival int64
		if err := rows.Scan(&feed, &content, &gone, &rival); err != nil {
			return nil, err
		}
		if gone != 0 || rival != 0 { // as a condition it would mislead a planner without statistics
			continue
		}
		if _, ok := l.feeds[feed]; ok {
			out[carried[content]] |= entente.InFeed
		} else {
			out[carried[content]] |= entente.InVocabulary
		}
	}
	if l.standing != nil {
		for id, p := range out {
			if p&entente.InFeed != 0 {
				l.standing.Add(id)
			}
		}
	}
	return out, rows.Err()
}

// Waiting is for [entente.Library].
func (l *Library) Waiting(ids []entente.ObjectID) ([]entente.ObjectID, error) {
	if !l.waits {
		return nil, nil
	}
	of, arg := l.t.s.d.among("okey", "$2", folds(ids))
	found, err := l.t.strings(l.ctx, `SELECT c.id FROM pending p JOIN content c ON c.content = p.content WHERE p.agreement = $1 AND p.`+of+`
		UNION SELECT c.id FROM awaits w JOIN pending p ON p.feed = w.feed AND p.seq = w.seq JOIN content c ON c.content = p.content
		WHERE w.agreement = $1 AND w.`+of, l.a.Num, arg)
	return objectIDs(found), err
}

func objectIDs(all []string) []entente.ObjectID {
	out := make([]entente.ObjectID, len(all))
	for i, s := range all {
		out[i] = entente.ObjectID(s)
	}
	return out
}

// ErrIndexBehind tells that the index has not read yet what a feed rests on: the advance is
// to be tried again when it has.
var ErrIndexBehind = entente.Errorf(entente.Unavailable, "the index of references is behind the feeds; try again")

// Referrers is for [entente.Library]. It finds them by the index of values, which has all
// that the feeds rest on once its follower has come as far as they have.
func (l *Library) Referrers(ids []entente.ObjectID) ([]entente.ObjectID, error) {
	var keys []int64
	scan := false
	for _, id := range ids {
		if key, ok := l.refKey(id); ok {
			keys = append(keys, key)
		} else {
			scan = true
		}
	}
	if scan {
		return l.everything()
	}
	for _, f := range l.a.Feeds {
		at, err := l.t.position(l.ctx, l.follower, f.Log)
		if err != nil {
			return nil, err
		}
		if at < f.Seen {
			return nil, ErrIndexBehind
		}
	}
	d := l.t.s.d
	in, arg := d.ints("$1", keys)
	of, arg2 := d.ints("$2", l.feedNumbers())
	found, err := l.t.strings(l.ctx, `SELECT DISTINCT c.id FROM value v JOIN line l`+d.by("line_content")+` ON l.content = v.content JOIN content c ON c.content = v.content
		WHERE v.vkey IN `+in+` AND v.content <= $3 AND l.feed IN `+of+` AND l.gone = 0`, arg, arg2, l.reach)
	if err != nil || !l.stamps {
		return objectIDs(found), err
	}
	copied, err := l.t.strings(l.ctx, `SELECT DISTINCT c.id FROM value v JOIN stamped s ON s.original = v.content JOIN line l ON l.feed = s.feed AND l.seq = s.seq
		JOIN content c ON c.content = s.content WHERE v.vkey IN `+in+` AND v.content <= $3 AND s.feed IN `+of+` AND l.gone = 0`, arg, arg2, l.reach)
	return objectIDs(append(found, copied...)), err
}

func (l *Library) feedNumbers() []int64 {
	var out []int64
	for _, f := range l.a.Feeds {
		out = append(out, f.Feed)
	}
	return out
}

// everything lists all objects that stand in the feeds: references to marking definitions
// are not in the index, as nearly every object has one of a few.
func (l *Library) everything() ([]entente.ObjectID, error) {
	reach := l.reach
	if l.stamps { // the numbers of copies tell nothing
		reach = math.MaxInt64
	}
	of, arg := l.t.s.d.ints("$1", l.feedNumbers())
	found, err := l.t.strings(l.ctx, `SELECT DISTINCT c.id FROM line l JOIN content c ON c.content = l.content WHERE l.feed IN `+of+` AND l.gone = 0 AND l.content <= $2`, arg, reach)
	return objectIDs(found), err
}

// Definitions reads the contents of marking definitions that stand in the covered
// collections, with who supplied them.
func (l *Library) Definitions(ctx context.Context, id entente.ObjectID, read func(*entente.Version) entente.Definition) ([]entente.HeldDefinition, error) {
	ms, err := l.Matters([]entente.ObjectID{id})
	if err != nil {
		return nil, err
	}
	var out []entente.HeldDefinition
	for _, s := range ms[0].Submissions {
		out = append(out, entente.HeldDefinition{Definition: read(s.Version), Sources: []string{s.Source}})
	}
	return out, nil
}
