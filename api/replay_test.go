package api

import (
	"strings"
	"testing"
)

// TestReplays has a partner send again what it has sent before, as a recorder of its traffic
// would: posts, deletes and pages. Nothing is added, moved or brought back by it, for itself
// and for others, and each answer tells what holds.
func TestReplays(t *testing.T) {
	eachTreaties(t, func(w *treaties) {
		own, shown, gone := report(1, 0, greenMark), report(2, 0, greenMark), report(3, 0, greenMark)
		w.posts("", shown, report(4, 0, greenMark))
		w.posts("sea", own, gone)
		w.settle()
		if got := w.deletes("sea", reportID(3), ""); got != 200 {
			w.t.Fatalf("deletes its own: %d", got)
		}
		w.settle()
		manifest := func(as, name string) string { return w.get(as, w.in(name, "manifest/?match[version]=all")).body }
		page := w.in("sea", "objects/?limit=1")
		first := w.get("harbour", page)
		next := page + "&next=" + decode[served](w.t, first).Next
		second := w.get("harbour", next)
		before := map[string]string{"harbour": manifest("harbour", "sea"), "mountains": manifest("mountains", "hills")}
		for range 3 {
			if st := w.posts("sea", own); st.SuccessCount != 1 {
				w.t.Errorf("its own once more: %+v", st)
			}
			if st := w.posts("sea", shown); st.SuccessCount != 1 {
				w.t.Errorf("what it reads of others: %+v", st)
			}
			if st := w.posts("sea", gone); st.FailureCount != 1 || !strings.Contains(st.Failures[0].Message, "deleted") {
				w.t.Errorf("what it deleted: %+v", st)
			}
			if got := w.deletes("sea", reportID(3), ""); got != 404 {
				w.t.Errorf("a delete once more: %d", got)
			}
			w.settle()
			for path, was := range map[string]reply{page: first, next: second} {
				if r := w.get("harbour", path); r.status != was.status || r.body != was.body {
					w.t.Errorf("%s once more:\n%s\nwas\n%s", path, r.body, was.body)
				}
			}
			for as, name := range map[string]string{"harbour": "sea", "mountains": "hills"} {
				if got := manifest(as, name); got != before[as] {
					w.t.Errorf("%s moved:\n%s\nwas\n%s", name, got, before[as])
				}
			}
		}
		w.sound()
	})
}
