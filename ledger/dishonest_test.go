package ledger_test

import (
	"encoding/hex"
	"errors"
	"strings"
	"testing"

	"entente"
	"entente/ledger"
)

// A home that signs whatever it likes, and tells things that do not fit.
func TestDishonestHome(t *testing.T) {
	a, b := uuid(201), uuid(202)
	nobody := strings.Repeat("5a", 32)
	judge := func(h *home, f *release, m members) {
		m["about"] = members{"agreement": f.Agreement, "feed": f.Feed}
		h.event(h.main, ledger.KindJudge, m)
	}
	deliver := func(h *home, f *release, m members) {
		full := members{"about": members{"feed": f.Feed}, "head": f.Head, "seqs": "1-3", "count": 3, "list": entente.ListDigest(f.commitments[:3])}
		for k, v := range m {
			full[k] = v
		}
		h.act(ledger.KindDeliver, full, members{"about": full["about"], "count": full["count"], "list": full["list"]}, a)
	}
	root := func(f *release, seqs ...int64) string {
		var root ledger.FeedRoot
		for _, seq := range seqs {
			root.Add(seq, f.commitments[seq-1])
		}
		r := root.Root()
		return hex.EncodeToString(r[:])
	}
	flip := func(h *home, f *release, heads ...int64) {
		for _, head := range heads {
			h.event(h.main, ledger.KindFlip, members{"feeds": []any{members{"feed": f.Feed, "head": head}}})
		}
	}
	// Each world has a feed of three entries, a partner that got them, and its head told.
	for name, c := range map[string]struct {
		do   func(h *home, f *release)
		want string // a part of the fault, "" if there is none
	}{
		"nothing": {func(h *home, f *release) {}, ""},
		"a name for nothing": {func(h *home, f *release) {
			h.event(h.main, "submit", members{"shared": []any{members{"partner": a, "entry": nobody}}})
			h.act("note", members{}, members{}, a)
			h.heads()
		}, "entry 4: it names the entry " + nobody},
		"a name for nothing at the end": {func(h *home, f *release) {
			h.event(h.main, "submit", members{"shared": []any{members{"partner": a, "entry": nobody}}})
		}, ""},
		"a name that is no entry": {func(h *home, f *release) {
			h.event(h.main, "submit", members{"shared": []any{members{"partner": a, "entry": "5A"}}})
		}, "it names \"5A\""},
		"a name in the log of a stranger": {func(h *home, f *release) {
			h.event(h.main, "submit", members{"shared": []any{members{"partner": b, "entry": nobody}}})
		}, "the log of partner \"" + b},
		"two names at once": {func(h *home, f *release) {
			e := members{"partner": a, "entry": h.event(h.partner[a], "note", members{"for": a})}
			h.event(h.main, "note", members{"shared": []any{e, e}})
			h.heads()
		}, "entry 4: it names the entry"},
		"two names, one late": {func(h *home, f *release) {
			e := members{"partner": a, "entry": h.event(h.partner[a], "note", members{"for": a})}
			h.event(h.main, "note", members{"shared": []any{e}})
			h.heads()
			h.event(h.main, "note", members{"shared": []any{e}})
			h.act("note", members{}, members{}, a)
			h.heads()
		}, "entry 6: it names the entry"},
		"no name": {func(h *home, f *release) {
			h.event(h.partner[a], "note", members{"for": a})
			h.heads()
		}, "log entente/" + uuid(1) + "/1/" + a + ": entry 1: no event of the main log names this entry"},
		"no name yet": {func(h *home, f *release) { h.event(h.partner[a], "note", members{"for": a}) }, ""},
		"a name that lags": {func(h *home, f *release) {
			e := h.event(h.partner[a], "note", members{"for": a})
			h.heads()
			h.event(h.main, "note", members{"shared": []any{members{"partner": a, "entry": e}}})
		}, ""},
		"for another partner": {func(h *home, f *release) {
			h.act("note", members{}, members{}, a)
			h.event(h.partner[a], "note", members{"for": b})
		}, "an event of this log is for partner " + a},
		"for a partner in main": {func(h *home, f *release) { h.event(h.main, "note", members{"for": b}) }, "entry 4: an event of the main log is for no partner"},
		"a wrong root of a head": {func(h *home, f *release) {
			h.event(h.main, "heads", members{"logs": []any{members{"partner": a, "size": 1, "root": nobody}}})
		}, "it tells the root " + nobody},
		"a head that shrinks": {func(h *home, f *release) {
			h.event(h.main, "heads", members{"logs": []any{members{"partner": a, "size": 0, "root": nobody}}})
		}, "after it had 1"},
		"a head beyond the log": {func(h *home, f *release) {
			h.event(h.main, "heads", members{"logs": []any{members{"partner": a, "size": 2, "root": nobody}}})
		}, "the main log tells of 2"},
		"a head of a stranger": {func(h *home, f *release) {
			h.event(h.main, "heads", members{"logs": []any{members{"partner": b, "size": 0, "root": nobody}}})
		}, "partner \"" + b},
		"entries covered twice": {func(h *home, f *release) {
			judge(h, f, members{"entries": members{"from": 3, "to": 3, "count": 1, "root": root(f, 3)}})
		}, "those up to 3 are covered already"},
		"entries from the past": {func(h *home, f *release) {
			judge(h, f, members{"entries": members{"from": 5, "to": 4, "count": 1, "root": root(f, 3)}})
		}, "covered already"},
		"an entry that none covers": {func(h *home, f *release) {
			h.judge(f, 2)
			f.Head, f.lines, f.commitments = 6, append(f.lines, f.lines[4]), append(f.commitments, f.commitments[4])
			f.lines[5].Seq, f.lines[5].Added = 6, "2026-05-05T00:00:00.000000Z"
		}, "feeds/" + uuid(500) + ".ndjson: no judge event covers entry 6"},
		"an entry passed over": {func(h *home, f *release) {
			f.lines, f.commitments = append(f.lines, f.lines[2]), append(f.commitments, f.commitments[2])
			f.lines[3].Seq, f.lines[3].Added, f.Head = 4, "2026-05-04T10:00:00.000050Z", 4
			h.clock = 100
			h.judge(f, 1)
		}, "no event covers entry 4"},
		"a wrong root of entries": {func(h *home, f *release) {
			h.judge(f, 1)
			f.lines[3].Commitment, f.lines[3].Salt, f.lines[3].Digest, f.lines[3].ID, f.lines[3].Version = nobody, "", "", "", ""
		}, "it covers 1 entries, 4 to 4"},
		"a wrong count of entries": {func(h *home, f *release) {
			judge(h, f, members{"entries": members{"from": 4, "to": 5, "count": 2, "root": nobody}})
			f.Head = 5
		}, "it covers 2 entries, 4 to 5"},
		"entries that were staged, and counted": {func(h *home, f *release) {
			h.stage(f, 2)
			flip(h, f, 5)
			h.deliver(f, a, 3)
		}, ""},
		"entries that were staged, and given up": {func(h *home, f *release) {
			judge(h, f, members{"result": "staged", "entries": members{"from": 4, "to": 5, "count": 2, "root": nobody}})
			h.act("unstage", members{"feeds": []any{members{"feed": f.Feed, "head": 3}}}, members{"feeds": []any{members{"feed": f.Feed, "head": 3}}}, a)
			h.stage(f, 1)
			h.heads() // the partner's copy of the giving up is read here
			flip(h, f, 4)
		}, ""},
		"entries that were staged, and are still": {func(h *home, f *release) {
			judge(h, f, members{"result": "staged", "entries": members{"from": 4, "to": 5, "count": 2, "root": nobody}})
		}, ""},
		"entries that were staged, and are others": {func(h *home, f *release) {
			judge(h, f, members{"result": "staged", "entries": members{"from": 4, "to": 4, "count": 1, "root": nobody}})
			h.judge(f, 1)
			flip(h, f, 4)
		}, "of what was staged before it: it covers the entries 4 to 4"},
		"entries that were staged, and never counted": {func(h *home, f *release) { h.stage(f, 2) }, "no judge event covers entry 4"},
		"an unknown feed": {func(h *home, f *release) { h.judge(&release{FeedHead: ledger.FeedHead{Feed: uuid(555)}}, 1) }, "the feed \"" + uuid(555)},
		"gone that stands": {func(h *home, f *release) {
			judge(h, f, members{"gone": members{"count": 1, "seqs": "2", "root": root(f, 2)}})
		}, "entry 2 of feed " + uuid(500) + " is gone; by feeds/"},
		"gone that never was": {func(h *home, f *release) {
			judge(h, f, members{"gone": members{"count": 1, "seqs": "9", "root": nobody}})
		}, "has no entry 9"},
		"gone of a bad list": {func(h *home, f *release) {
			judge(h, f, members{"gone": members{"count": 1, "seqs": "2-1", "root": nobody}})
		}, "are no numbers like"},
		"gone twice": {func(h *home, f *release) {
			h.judge(f, 0, 2)
			judge(h, f, members{"gone": members{"count": 1, "seqs": "2", "root": root(f, 2)}})
		}, "which an event told before"},
		"gone of a wrong root": {func(h *home, f *release) {
			h.judge(f, 1)
			f.lines[1].Gone = 4
			judge(h, f, members{"gone": members{"count": 1, "seqs": "2", "root": nobody}})
		}, "it tells of 1 entries"},
		"gone that nobody tells":    {func(h *home, f *release) { h.judge(f, 1); f.lines[1].Gone = 4 }, "entry 2 is gone at 4, and no judge event tells so"},
		"gone beyond the head":      {func(h *home, f *release) { f.lines[1].Gone = 4 }, ""},
		"delivery of what is not":   {func(h *home, f *release) { deliver(h, f, members{"seqs": "1-4"}) }, "has no entry 4"},
		"delivery of a bad list":    {func(h *home, f *release) { deliver(h, f, members{"seqs": "1-2,3"}) }, "are no numbers like"},
		"delivery of another list":  {func(h *home, f *release) { deliver(h, f, members{"list": nobody}) }, "it delivers 3 entries"},
		"delivery of another count": {func(h *home, f *release) { deliver(h, f, members{"count": 4}) }, "it delivers 4 entries"},
		"delivery beyond its head":  {func(h *home, f *release) { deliver(h, f, members{"head": 2}) }, "it delivers entry 3 of feed " + uuid(500) + " at the head 2"},
		"delivery beyond the head":  {func(h *home, f *release) { deliver(h, f, members{"head": 4}) }, "the head of feeds/"},
		"delivery of what had left": {func(h *home, f *release) { h.judge(f, 0, 2); deliver(h, f, members{}) }, "which had left at 4"},
		"delivery before it left":   {func(h *home, f *release) { h.judge(f, 0, 2); deliver(h, f, members{"head": 3}) }, ""},
		"delivery of a collection": {func(h *home, f *release) {
			deliver(h, f, members{"about": members{"collection": uuid(9)}, "seqs": "77"})
		}, ""},
		"delivery of an unknown feed": {func(h *home, f *release) { deliver(h, f, members{"about": members{"feed": uuid(555)}}) }, "the feed \"" + uuid(555)},
		"delivery of nothing": {func(h *home, f *release) {
			deliver(h, f, members{"seqs": "", "count": 0, "list": entente.ListDigest(nil)})
		}, ""},
		"flips":                        {func(h *home, f *release) { flip(h, f, 1, 2, 2, 3) }, ""},
		"a flip backwards":             {func(h *home, f *release) { flip(h, f, 2, 1) }, "entry 5: it moves the head"},
		"a flip beyond":                {func(h *home, f *release) { flip(h, f, 4) }, "entry 4: it moves the head"},
		"a flip of an unknown feed":    {func(h *home, f *release) { flip(h, &release{FeedHead: ledger.FeedHead{Feed: uuid(555)}}, 4) }, "the feed \"" + uuid(555)},
		"an event of another form":     {func(h *home, f *release) { h.put(h.main, []byte(`{"id":"x","kind":"y", "time":"z"}`)) }, "not in canonical form"},
		"an event that is no JSON":     {func(h *home, f *release) { h.put(h.main, []byte(`{"id":"x"`)) }, "entry 4: 1/main/events/000.p/5: it is not JSON"},
		"an event without a kind":      {func(h *home, f *release) { h.put(h.main, []byte(`{"id":"x","time":"z"}`)) }, "no id, no time or no kind"},
		"an event that is a number":    {func(h *home, f *release) { h.put(h.main, []byte(`5`)) }, "has not the members of one"},
		"heads of another form":        {func(h *home, f *release) { h.event(h.main, "heads", members{"logs": 5}) }, "has not the members of a heads"},
		"an erasure that nobody tells": {func(h *home, f *release) { h.eraseNext = true; h.event(h.main, "note", members{}) }, "entry 4: the event is erased"},
		"an erasure of no entry":       {func(h *home, f *release) { h.event(h.main, "erase", members{"erased": []any{members{"entry": "x"}}}) }, "an erasure of \"x\""},
		"an erasure": {func(h *home, f *release) {
			h.eraseNext = true
			e := h.event(h.main, "note", members{})
			h.event(h.main, "erase", members{"erased": []any{members{"entry": e}}})
		}, ""},
		"an erasure for both": {func(h *home, f *release) {
			h.eraseNext = true
			p := h.event(h.partner[a], "note", members{"for": a})
			h.eraseNext = true
			named := []any{members{"partner": a, "entry": p}}
			e := h.event(h.main, "note", members{"shared": named})
			h.heads()
			h.discontinue(false)
			h.event(h.main, "erase", members{"erased": []any{members{"entry": e, "shared": named}, members{"entry": p}}})
		}, ""},
		"an erasure that forgets what was named": {func(h *home, f *release) {
			p := h.event(h.partner[a], "note", members{"for": a})
			h.eraseNext = true
			e := h.event(h.main, "note", members{"shared": []any{members{"partner": a, "entry": p}}})
			h.heads()
			h.event(h.main, "erase", members{"erased": []any{members{"entry": e}}})
		}, "entry 1: no event of the main log names this entry"},
	} {
		h := newHome(t)
		f := h.feed()
		h.judge(f, 3)
		h.deliver(f, a, 0)
		h.heads()
		h.event(h.main, "note", members{})
		c.do(h, f)
		_, err := verify(t, h.write(), ledger.Options{})
		expect(t, name, err, c.want)
	}
}

// expect holds what a verification found against what it should.
func expect(t *testing.T, name string, err error, want string) {
	t.Helper()
	var fault *ledger.Fault
	switch {
	case want == "" && err != nil:
		t.Errorf("%s: %v", name, err)
	case want != "" && (entente.KindOf(err) != entente.Conflict || !errors.As(err, &fault) || !strings.Contains(err.Error(), want)):
		t.Errorf("%s: %v; want %q", name, err, want)
	}
}

// Keys and epochs that do not follow from each other.
func TestDishonestKeys(t *testing.T) {
	resign := func(h *home, k ledger.Key) {
		root := h.main.tree.Root()
		h.files[h.main.dir+"/checkpoint"].Data = must[[]byte](t)(ledger.Checkpoint{Origin: h.main.origin, Size: h.main.tree.Size(), Root: root}.Sign(k))
		h.sign()
	}
	twoKeys := func(h *home) {
		h.event(h.main, "note", members{})
		h.rotate()
		h.event(h.main, "note", members{})
	}
	for name, c := range map[string]struct {
		before, after func(h *home)
		want          string
	}{
		"two keys":                   {twoKeys, nil, ""},
		"a key right at the end":     {func(h *home) { h.event(h.main, "note", members{}); h.rotate() }, nil, ""},
		"the old key signs":          {twoKeys, func(h *home) { resign(h, newKey(t, 1)) }, "signed by another key of the epoch than key 1"},
		"a stranger signs":           {twoKeys, func(h *home) { resign(h, newKey(t, 9)) }, "log entente/" + uuid(1) + "/1: 1/main/checkpoint: "},
		"a key that nobody signed":   {func(h *home) { twoKeys(h); h.epoch().Keys[1].Signature = strings.Repeat("00", 64) }, nil, "key 1 of epoch 1, from size 1, is not signed by the key before it"},
		"a key without a signature":  {func(h *home) { twoKeys(h); h.epoch().Keys[1].Signature = "" }, nil, "is not signed by the key before it"},
		"a first key with signature": {func(h *home) { h.epoch().Keys[0].Signature = strings.Repeat("00", 64) }, nil, "there is no key before it"},
		"a key without its event": {func(h *home) {
			next := h.nextKey()
			h.event(h.main, "note", members{})
			h.epoch().Keys = append(h.epoch().Keys, ledger.ExportKey{Key: hex.EncodeToString(next.Public()), From: 1,
				Signature: hex.EncodeToString(h.key.SignStatement(ledger.KeyStatement(h.main.origin, 1, next.Public())))})
			h.event(h.main, "note", members{})
			h.key = next
		}, nil, "entry 1: key 1 of the epoch takes over here, but the event is no key"},
		"a key from beyond": {func(h *home) {
			next := h.nextKey()
			h.event(h.main, "note", members{})
			h.epoch().Keys = append(h.epoch().Keys, ledger.ExportKey{Key: hex.EncodeToString(next.Public()), From: 9,
				Signature: hex.EncodeToString(h.key.SignStatement(ledger.KeyStatement(h.main.origin, 9, next.Public())))})
		}, func(h *home) { h.key = newKey(t, 2); h.sign() }, "is from size 9 on, but the log has 1 entries"},
		"an event of a key that is not": {func(h *home) { h.event(h.main, "key", members{"key": "00", "signature": "00"}) }, nil, "entry 0: it tells of a key that ledger.json does not have"},
		"a second epoch":                {func(h *home) { twoKeys(h); h.discontinue(false) }, nil, ""},
		"a second epoch, the key lost":  {func(h *home) { twoKeys(h); h.discontinue(true) }, nil, ""},
		"a second epoch, not declared":  {func(h *home) { twoKeys(h); h.closeEpoch(); h.begin(""); h.event(h.main, "note", members{}) }, nil, "/2: entry 0: the first event of a new epoch is its discontinuity"},
		"a second epoch that is empty":  {func(h *home) { twoKeys(h); h.closeEpoch(); h.begin("") }, nil, "/2: 2/main/checkpoint: the log is empty"},
		"a second epoch of another key": {func(h *home) { twoKeys(h); h.key = newKey(t, 9); h.discontinue(false) }, nil, "1/main/checkpoint: "},
		"a discontinuity in the middle": {func(h *home) { twoKeys(h); h.discontinue(false); h.event(h.main, "discontinuity", members{}) }, nil, "/2: entry 1: a discontinuity is the first event"},
		"a discontinuity that says another signature": {func(h *home) {
			twoKeys(h)
			h.discontinue(false)
			h.epoch().Keys[0].Signature = strings.Repeat("00", 64)
		}, nil, "its key and signature are not those"},
		"a discontinuity without checkpoints": {func(h *home) {
			twoKeys(h)
			h.closeEpoch()
			h.begin("")
			h.event(h.main, "discontinuity", members{"key": h.epoch().Keys[0].Key, "signature": ""})
		}, nil, "it has no checkpoint of the epoch before"},
		"a discontinuity of a shorter log": {func(h *home) {
			twoKeys(h)
			c := ledger.Checkpoint{Origin: h.main.origin, Size: 2, Root: ledger.Root([][]byte{h.main.entries[0][:], h.main.entries[1][:]})}
			signed := must[[]byte](t)(c.Sign(h.key))
			h.closeEpoch()
			h.begin("")
			h.event(h.main, "discontinuity", members{"key": h.epoch().Keys[0].Key, "signature": "", "checkpoints": []any{string(signed)}})
		}, nil, "it tells that 2 entries"},
		"a discontinuity that is wrongly signed": {func(h *home) {
			twoKeys(h)
			h.closeEpoch()
			signed := string(h.files["1/main/checkpoint"].Data)
			h.begin(strings.Repeat("11", 64))
			h.event(h.main, "discontinuity", members{"key": h.epoch().Keys[0].Key, "signature": strings.Repeat("11", 64), "checkpoints": []any{signed}})
		}, nil, "it is not signed by the last key of epoch 1"},
	} {
		h := newHome(t)
		c.before(h)
		h.write()
		if c.after != nil {
			c.after(h)
		}
		r, err := verify(t, h.files, ledger.Options{})
		expect(t, name, err, c.want)
		if lost := strings.HasSuffix(name, "lost"); lost != (len(r.Notes) == 1) {
			t.Errorf("%s: %q", name, r.Notes)
		}
	}
}
