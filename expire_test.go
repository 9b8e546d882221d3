package entente

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func at(text string) int64 {
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		panic(err)
	}
	return t.UnixMicro()
}

func TestPeriods(t *testing.T) {
	now := at("2028-02-29T12:00:00Z")
	for text, want := range map[string]string{"1d": "2028-02-28T12:00:00Z", "18m": "2026-08-29T12:00:00Z", "3y": "2025-03-01T12:00:00Z", "36m": "2025-03-01T12:00:00Z"} {
		p, err := ParsePeriod(text)
		if ago, ends := p.Ago(now); err != nil || !ends || ago != at(want) || p.String() != text {
			t.Errorf("%s ago is %s, %v; want %s", p, FormatMicros(ago), err, want)
		}
	}
	if p, err := ParsePeriod("forever"); err != nil || p != (Period{}) || p.String() != "forever" {
		t.Errorf("forever is %v, %v", p, err)
	}
	for _, text := range []string{"", "3", "y", "0y", "-1y", "+1y", "01y", "1w", "101y", "1.5y", "99999999999999999999y", "1y "} {
		if p, err := ParsePeriod(text); KindOf(err) != Invalid {
			t.Errorf("%q is %v", text, p)
		}
	}
}

func TestSetRetention(t *testing.T) {
	f := Facts{Now: at("2027-05-01T00:00:00Z"), Actor: LocalActor()}
	for _, c := range []struct {
		SetRetention
		want Kind
		ok   bool
	}{
		{SetRetention{Class: KeepDisclosures, Period: Period{3, 'y'}}, 0, true},
		{SetRetention{Class: KeepDecisions, Period: Period{36, 'm'}}, 0, true},
		{SetRetention{Class: KeepDecisions}, 0, true},
		{SetRetention{Class: KeepAccess, Period: Period{90, 'd'}}, 0, true},
		{SetRetention{Class: KeepDecisions, Period: Period{35, 'm'}}, Conflict, false},
		{SetRetention{Class: KeepDisclosures, Period: Period{1094, 'd'}, EvenBelowLaw: true}, Invalid, false},
		{SetRetention{Class: KeepDisclosures, Period: Period{1, 'd'}, EvenBelowLaw: true, Reason: "Act 12"}, 0, true},
		{SetRetention{Class: KeepForever, Period: Period{10, 'y'}}, Invalid, false},
		{SetRetention{Class: "x"}, Invalid, false},
	} {
		ch, err := Decide(c.SetRetention, f)
		if (err == nil) != c.ok || err != nil && KindOf(err) != c.want {
			t.Errorf("%+v: %v", c.SetRetention, err)
		}
		if c.ok && ch.Retain[c.Class] != c.Period {
			t.Errorf("%+v is put as %v", c.SetRetention, ch.Retain)
		}
	}
}

// Whatever is set and whenever: nothing is erased that is preserved, that the ledger rests on,
// that is of a class without a time, or that is younger than its time.
func TestExpire(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		now := at("2030-01-01T00:00:00Z")
		set := map[Retention]Period{}
		for _, class := range Retentions() {
			if rapid.Bool().Draw(rt, "set") {
				set[class] = Period{rapid.IntRange(1, 40).Draw(rt, "months"), 'm'}
			}
		}
		kinds := []string{"decide", "stop", "submit", "deliver", "read", "sign-in-failed", "token-add", "judge", "heads", "erase", "key", "discontinuity", "flip", "unstage"}
		var all []KeptEvent
		for range rapid.IntRange(1, 8).Draw(rt, "events") {
			all = append(all, KeptEvent{Kind: rapid.SampledFrom(kinds).Draw(rt, "kind"), At: now - 86_400_000_000*int64(rapid.IntRange(0, 1300).Draw(rt, "days")),
				PreservedBy: rapid.SampledFrom([]string{"", "", "2027-1"}).Draw(rt, "case"), Erased: rapid.IntRange(0, 4).Draw(rt, "erased") == 0})
		}
		ch, err := Decide(ExpireEvents{}, Facts{Now: now, Actor: LocalActor(), Retain: set, Expiring: all})
		want := slices.DeleteFunc(slices.Clone(all), func(e KeptEvent) bool {
			months := set[RetentionOf(e.Kind)].N
			old := months > 0 && time.UnixMicro(e.At).Before(time.UnixMicro(now).UTC().AddDate(0, -months, 0))
			never := slices.Contains([]string{"judge", "heads", "erase", "key", "discontinuity", "flip", "unstage"}, e.Kind)
			return !old || never || e.PreservedBy != "" || e.Erased
		})
		if (err == nil) != (len(want) > 0) || err == nil && len(ch.EraseEvents) != len(want) {
			rt.Fatalf("erased %d, want %d: %v", len(ch.EraseEvents), len(want), err)
		}
	})
}

// Every kind that a command makes has its class.
func TestRetentionOf(t *testing.T) {
	for kind, want := range map[string]Retention{"deliver": KeepDisclosures, "decide": KeepDecisions, "agreement-accept": KeepDecisions, "read": KeepAccess,
		"grant": KeepConfiguration, "account-key": KeepConfiguration, "account-disable-ask": KeepDecisions, "sample": KeepDecisions, "erase": KeepForever, "judge": KeepForever} {
		if got := RetentionOf(kind); got != want {
			t.Errorf("%s is of the class %s, want %s", kind, got, want)
		}
	}
}
