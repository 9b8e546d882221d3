package ledger_test

import (
	"fmt"
	"math/bits"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"entente"
	"entente/ledger"
)

// witnessKeys are the verifier keys of witnesses w0, w1 …
func witnessKeys(t testing.TB, n int) []ledger.Verifier {
	t.Helper()
	var list []ledger.Verifier
	for i := range n {
		list = append(list, must[ledger.Verifier](t)(newKey(t, byte(100+i)).CosignVerifier(fmt.Sprintf("witness.example/w%d", i))))
	}
	return list
}

// The specification's own example: two of the X witnesses, and one of the Y witnesses.
func TestPolicyOfTwoGroups(t *testing.T) {
	log := must[ledger.Verifier](t)(newKey(t, 1).Verifier(origin))
	w := witnessKeys(t, 6)
	text := fmt.Sprintf("# who is trusted\n\tlog %s https://log.example/\n\n", log)
	for i, name := range []string{"X1", "X2", "X3", "Y1", "Y2", "Y3"} {
		text += fmt.Sprintf("witness %s  %s\n", name, w[i])
	}
	text += "group X-witnesses 2 X1 X2 X3\ngroup Y-witnesses any Y1 Y2 Y3\ngroup X-and-Y all X-witnesses Y-witnesses\nquorum X-and-Y\n"
	p := must[ledger.Policy](t)(ledger.ParsePolicy([]byte(text)))
	if p.Logs[0].URL != "https://log.example/" || len(p.Verifiers()) != 7 {
		t.Errorf("%+v", p)
	}
	c := ledger.Checkpoint{Origin: origin, Size: 1, Root: ledger.Root(entries(0, 1))}
	for set := range 1 << 6 {
		signed := must[[]byte](t)(c.Sign(newKey(t, 1)))
		for i := range 6 {
			if set>>i&1 == 1 {
				line := must[[]byte](t)(newKey(t, byte(100+i)).Cosign(w[i].Name(), c, 1))
				signed = append(signed, line...)
			}
		}
		want := bits.OnesCount(uint(set&7)) >= 2 && set>>3 != 0
		_, _, err := p.Open(signed)
		if (err == nil) != want || err != nil && entente.KindOf(err) != entente.Forbidden {
			t.Errorf("cosigned by %06b: %v", set, err)
		}
	}
}

// A random policy is met by exactly the sets of witnesses that its own words ask for.
func TestPolicyProperty(t *testing.T) {
	w := witnessKeys(t, 5)
	rapid.Check(t, func(t *rapid.T) {
		var text strings.Builder
		met := map[string]func(set int) bool{}
		var free []string
		for i, v := range w {
			name := fmt.Sprintf("w%d", i)
			fmt.Fprintf(&text, "witness %s %s\n", name, v)
			met[name], free = func(set int) bool { return set>>i&1 == 1 }, append(free, name)
		}
		for g := 0; len(free) > 1 && rapid.Bool().Draw(t, "group"); g++ {
			free = rapid.Permutation(free).Draw(t, "order")
			n := rapid.IntRange(1, len(free)).Draw(t, "members")
			k := rapid.IntRange(1, n).Draw(t, "needed")
			members, name := free[:n], fmt.Sprintf("g%d", g)
			word := fmt.Sprint(k)
			if k == n && rapid.Bool().Draw(t, "word") {
				word = "all"
			} else if k == 1 && rapid.Bool().Draw(t, "word") {
				word = "any"
			}
			fmt.Fprintf(&text, "group %s %s %s\n", name, word, strings.Join(members, " "))
			met[name] = func(set int) bool {
				count := 0
				for _, m := range members {
					if met[m](set) {
						count++
					}
				}
				return count >= k
			}
			free = append([]string{name}, free[n:]...)
		}
		quorum := rapid.SampledFrom(free).Draw(t, "quorum")
		p, err := ledger.ParsePolicy([]byte(text.String() + "quorum " + quorum + "\n"))
		if err != nil {
			t.Fatalf("%s: %v", text.String(), err)
		}
		for set := range 1 << len(w) {
			var sigs []ledger.Signature
			for i, v := range w {
				if set>>i&1 == 1 {
					sigs = append(sigs, ledger.Signature{By: v})
				}
			}
			if p.Met(sigs) != met[quorum](set) {
				t.Fatalf("%squorum %s: %05b", text.String(), quorum, set)
			}
		}
	})
}

func TestParsePolicyRefuses(t *testing.T) {
	log, w := must[ledger.Verifier](t)(newKey(t, 1).Verifier(origin)), witnessKeys(t, 2)
	again := must[ledger.Verifier](t)(newKey(t, 100).CosignVerifier("elsewhere.example/w0"))
	two := fmt.Sprintf("witness a %s\nwitness b %s\n", w[0], w[1])
	for text, line := range map[string]int{
		"quorum none": 1, "log\nquorum none\n": 1, "log x\nquorum none\n": 1, fmt.Sprintf("log %s\nquorum none\n", w[0]): 1,
		fmt.Sprintf("log %s\nlog %s\n", log, log): 2, fmt.Sprintf("witness a %s\n", log): 1, two + "quorum c\n": 3,
		fmt.Sprintf("witness a %s\nwitness b %s\n", w[0], again): 2, fmt.Sprintf("witness none %s\n", w[0]): 1,
		fmt.Sprintf("witness a %s\nwitness a %s\n", w[0], w[1]): 2, "quorum none\nquorum none\n": 2, "group g any\n": 1,
		two + "group g 0 a\n": 3, two + "group g 2 a\n": 3, two + "group g 01 a\n": 3, two + "group g any a a\n": 3, two + "group g any c\n": 3,
		two + "group g any g\n": 3, two + "group a any b\n": 3, two + "group g any a\ngroup h any a\n": 4, "nonsense\n": 1, "quorum none \x00\n": 1,
		two + "group g any none\n": 3, "log " + log.String() + " a b\nquorum none\n": 1,
	} {
		_, err := ledger.ParsePolicy([]byte(text))
		if entente.KindOf(err) != entente.Invalid || !strings.HasPrefix(err.Error(), fmt.Sprintf("line %d ", line)) {
			t.Errorf("%q: %v", text, err)
		}
	}
	for _, text := range []string{"", "# nothing\n", two} {
		if _, err := ledger.ParsePolicy([]byte(text)); entente.KindOf(err) != entente.Invalid || !strings.Contains(err.Error(), "no quorum") {
			t.Errorf("%q: %v", text, err)
		}
	}
	if p, err := ledger.ParsePolicy([]byte("quorum none\n")); err != nil || !p.Met(nil) || len(p.Verifiers()) != 0 {
		t.Error(err)
	}
	if _, err := ledger.ParsePolicy(make([]byte, ledger.MaxPolicy+1)); entente.KindOf(err) != entente.TooLarge {
		t.Error(err)
	}
}

func FuzzParsePolicy(f *testing.F) {
	w := witnessKeys(f, 2)
	f.Add([]byte(fmt.Sprintf("log %s\nwitness a %s\nwitness b %s u\ngroup g any a b\nquorum g\n", must[ledger.Verifier](f)(newKey(f, 1).Verifier(origin)), w[0], w[1])))
	f.Add([]byte("quorum none\n"))
	f.Add([]byte("group \xff all \xff\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		if p, err := ledger.ParsePolicy(text); err == nil {
			var all []ledger.Signature
			for _, v := range p.Verifiers() {
				all = append(all, ledger.Signature{By: v})
			}
			if !p.Met(all) {
				t.Fatalf("%q cannot be met", text)
			}
		}
	})
}
