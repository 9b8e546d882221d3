package terms

import (
	"strings"

	"entente"
)

// meant is the key that a misspelt one is likely to be, "" if none is near.
func (r *reader) meant(name string, all []key) string {
	name = strings.ReplaceAll(strings.ToLower(name), "-", "_")
	if len(name) > 40 || len(r.problems) == maxProblems {
		return "" // nobody would be told
	}
	best, least := "", 3
	for i := range all {
		k := all[i].name
		if _, given := r.at[entente.Field{Key: k, At: r.table}]; given {
			continue
		}
		if d := distance(name, k); d < least && d <= len(k)/2 {
			best, least = k, d
		}
	}
	return best
}

// distance counts the letters to insert, remove, replace or swap with a neighbour that lie
// between two words.
func distance(a, b string) int {
	before, last, now := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		now[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			now[j] = min(last[j]+1, now[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				now[j] = min(now[j], before[j-2]+1)
			}
		}
		before, last, now = last, now, before
	}
	return last[len(b)]
}

// clip shortens what the file says, so that a problem stays readable.
func clip(s string) string {
	const most = 80
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}
