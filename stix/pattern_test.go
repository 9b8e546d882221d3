package stix

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	entente "entente"
)

// patternLines reads a file of patterns: each with what stands behind its mark.
func patternLines(tb testing.TB, file, mark string) [][2]string {
	tb.Helper()
	text, err := os.ReadFile("testdata/" + file)
	if err != nil {
		tb.Fatal(err)
	}
	var all [][2]string
	for line := range strings.SplitSeq(strings.TrimSuffix(string(text), "\n"), "\n") {
		if said, ok := strings.CutPrefix(line, mark); ok {
			if len(all) == 0 || all[len(all)-1][1] != "" {
				all = append(all, [2]string{}) // of the empty pattern
			}
			all[len(all)-1][1] = said
			continue
		}
		if line != "" && !strings.HasPrefix(line, "#") {
			all = append(all, [2]string{breaks.Replace(line)})
		}
	}
	return all
}

// breaks are written out in testdata, where a pattern has one line.
var breaks = strings.NewReplacer("¶", "\n", "⇥", "\t")

func TestPatternValid(t *testing.T) {
	for _, test := range patternLines(t, "pattern_valid.txt", "=> ") {
		p, err := ParsePattern(test[0])
		if err != nil {
			t.Errorf("%s\n\t%v", test[0], err)
			continue
		}
		want := test[1]
		if want == "" {
			want = test[0]
		}
		if got := p.String(); got != want {
			t.Errorf("%s\nis printed\n%s\nwant\n%s", test[0], got, want)
		}
		again(t, p)
	}
}

// again wants that what is printed is parsed to an equal pattern, and printed alike.
func again(t interface{ Fatalf(string, ...any) }, p *Pattern) {
	printed := p.String()
	q, err := ParsePattern(printed)
	if err != nil {
		t.Fatalf("%s\n\t%v", printed, err)
	}
	if q.String() != printed || !equalPatterns(p, q) {
		t.Fatalf("%s\nis printed again\n%s", printed, q.String())
	}
}

// equalPatterns compares the trees themselves, not what is printed of them.
func equalPatterns(p, q *Pattern) bool {
	same := func(a, b patternPart) bool { return a.kind == b.kind && p.text(a) == q.text(b) }
	return p.root == q.root && slices.Equal(p.nodes, q.nodes) &&
		slices.EqualFunc(p.steps, q.steps, same) && slices.EqualFunc(p.constants, q.constants, same)
}

func TestPatternInvalid(t *testing.T) {
	cases := patternLines(t, "pattern_invalid.txt", "! ")
	for _, test := range cases {
		_, err := ParsePattern(test[0])
		var at *PatternError
		if !errors.As(err, &at) || entente.KindOf(err) != entente.Invalid {
			t.Errorf("%s\n\t%v", test[0], err)
			continue
		}
		if got := fmt.Sprintf("%d:%d (%d) %s", at.Line, at.Column, at.Offset, at.Text); got != test[1] {
			t.Errorf("%s\ngot\n%s\nwant\n%s", test[0], got, test[1])
		}
		if !strings.Contains(entente.PublicText(err), at.Error()) {
			t.Errorf("%s does not hold %s", entente.PublicText(err), at)
		}
	}
	if len(cases) < 50 {
		t.Errorf("only %d cases", len(cases))
	}
}

func TestPatternLimits(t *testing.T) {
	nested := func(n int) string {
		return strings.Repeat("(", n-n/2) + "[" + strings.Repeat("(", n/2) + "a:b = 1" + strings.Repeat(")", n/2) + "]" + strings.Repeat(")", n-n/2)
	}
	if _, err := ParsePattern(nested(MaxPatternDepth)); err != nil {
		t.Error(err)
	}
	if _, err := ParsePattern(nested(MaxPatternDepth + 1)); entente.KindOf(err) != entente.Invalid || !strings.Contains(err.Error(), "deeper") {
		t.Error(err)
	}
	long := "[a:b = '" + strings.Repeat("x", MaxPattern-len("[a:b = '']")) + "']"
	if _, err := ParsePattern(long); err != nil {
		t.Error(err)
	}
	if _, err := ParsePattern(long + " "); entente.KindOf(err) != entente.TooLarge {
		t.Error(err)
	}
	if _, err := ParsePattern("[a:b = '\xff']"); entente.KindOf(err) != entente.Invalid || !strings.Contains(err.Error(), "byte 8") {
		t.Error(err)
	}
}

// TestPatternLinear gives a reader that looks further than it goes a lot to look at.
func TestPatternLinear(t *testing.T) {
	t.Parallel()
	n := MaxPattern / 8
	for name, s := range map[string]string{
		"open brackets": strings.Repeat("[", n), "open parentheses": strings.Repeat("(", n),
		"strings without backslashes": "[a:b IN (" + strings.Repeat("'',", n/3) + "'')]",
		"strings with backslashes":    "[a:b IN (" + strings.Repeat(`'\\',`, n/5) + "'')]",
		"open comments":               "[a:b = 1] " + strings.Repeat("/*", n/2),
		"comments":                    "[a:b = 1" + strings.Repeat("/**/", n/4) + "]",
		"open strings":                "[a:b = " + strings.Repeat(`'\'`, n/3),
		"slashes":                     strings.Repeat("/", n),
		"steps":                       "[a:b" + strings.Repeat(".c", n/2) + " = 1]",
		"operands":                    "[a:b=1" + strings.Repeat(" AND a:b=1", n/10) + "]",
		"alternating operators":       "[a:b=1" + strings.Repeat(" OR a:b=1 AND a:b=1", n/20) + "]",
		"observations":                "[a:b=1]" + strings.Repeat("OR[a:b=1]", n/9),
		"digits":                      "[a:b = 0." + strings.Repeat("1", n) + "]",
		"spaces":                      strings.Repeat("\u3000", n/3),
	} {
		begin := time.Now()
		p, err := ParsePattern(s)
		if err == nil {
			again(t, p)
			p.Observables()
		}
		if d := time.Since(begin); d > 10*time.Second { // a quadratic one takes hours
			t.Errorf("%s took %v", name, d)
		}
	}
}

// TestPatternRandom prints random patterns in many ways; all that say the same must be
// read as one.
func TestPatternRandom(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		g := patternGenerator{t}
		gaps := g.observations(3)
		written := strings.ReplaceAll(gaps, gap, " ")
		p, err := ParsePattern(written)
		if err != nil {
			t.Fatalf("%s\n\t%v", written, err)
		}
		again(t, p)
		spaced := strings.ReplaceAll(gaps, gap, g.pick("  ", "\n\t", "/* x */", " //\r\n", "\u2003", "\u0085"))
		if q, err := ParsePattern(spaced); err != nil || !equalPatterns(p, q) {
			t.Fatalf("%s\n\t%v", spaced, err)
		}
	})
}

// gap is where a random pattern has white space.
const gap = "\x1f"

// patternGenerator writes random patterns.
type patternGenerator struct{ *rapid.T }

func (g patternGenerator) pick(of ...string) string { return rapid.SampledFrom(of).Draw(g.T, "pick") }
func (g patternGenerator) upTo(n int) int           { return rapid.IntRange(0, n).Draw(g.T, "n") }

func (g patternGenerator) observations(depth int) string {
	one := func() string {
		s := ""
		if depth > 0 && g.upTo(2) == 0 {
			s = "(" + g.observations(depth-1) + ")"
		} else {
			s = "[" + g.comparisons(depth) + "]"
		}
		q := []string{" REPEATS 2 TIMES", " WITHIN 1.5 SECONDS", " START t'2024-01-01T00:00:00Z' STOP '2025-01-01T00:00:00Z'"}
		return s + strings.ReplaceAll(strings.Join(q[:g.upTo(3)], ""), " ", gap)
	}
	s := one()
	for range g.upTo(2) {
		s += gap + g.pick("AND", "OR", "FOLLOWEDBY") + gap + one()
	}
	return s
}

func (g patternGenerator) comparisons(depth int) string {
	one := func() string {
		if depth > 0 && g.upTo(2) == 0 {
			return "(" + g.comparisons(depth-1) + ")"
		}
		return g.comparison()
	}
	s := one()
	for range g.upTo(2) {
		s += gap + g.pick("AND", "OR") + gap + one()
	}
	return s
}

func (g patternGenerator) comparison() string {
	name := func() string {
		return g.pick("value", "b", "x_c", "'SHA-256'", "hashes", "dst_ref", "'it\\'s'", "IN", "'a.b'")
	}
	path := g.pick("ipv4-addr", "x-a", "file", "a_b") + ":" + name()
	for range g.upTo(2) {
		path += g.pick(gap+"."+gap+name(), "["+gap+"*]", gap+"[7"+gap+"]")
	}
	text := "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`, gap, "").Replace(rapid.String().Draw(g.T, "text")) + "'"
	not := g.pick("", gap+"NOT") + gap
	switch g.upTo(4) {
	case 0:
		return g.pick("", "NOT"+gap) + "EXISTS" + gap + path
	case 1:
		return path + not + "IN" + gap + "(" + g.pick(text, "1,"+gap+"2.50, -3", "", "true", "'a', 'b'") + ")"
	case 2:
		return path + not + g.pick("LIKE", "MATCHES") + gap + text
	case 3:
		return path + not + g.pick("ISSUBSET", "ISSUPERSET") + gap + g.pick("'198.51.100.0/24'", "'::1'")
	}
	number := fmt.Sprint(rapid.IntRange(-maxNumber, maxNumber).Draw(g.T, "number"))
	return path + not + g.pick("=", "==", "!=", "<>", "<", ">", "<=", ">=") +
		g.pick(text, number, "1.50", ".5", "h'aB'", "b'ABI='", "t'2024-05-01T08:00:00Z'")
}

func FuzzPattern(f *testing.F) {
	for _, file := range []string{"pattern_valid.txt", "pattern_invalid.txt"} {
		for _, test := range patternLines(f, file, "=> ") {
			f.Add(test[0])
		}
	}
	f.Fuzz(func(t *testing.T, s string) {
		p, err := ParsePattern(s)
		if err != nil {
			var at *PatternError
			if !errors.As(err, &at) || at.Offset < 0 || at.Offset > len(s) || at.Line < 1 || at.Column < 1 || at.Text == "" || len(at.Text) > 1000 {
				t.Fatalf("%v", err)
			}
			return
		}
		if len(p.String()) <= MaxPattern {
			again(t, p)
		}
		for _, o := range p.Observables() {
			if o.Value == "" || o.Kind == "" {
				t.Fatalf("%+v", o)
			}
		}
	})
}
