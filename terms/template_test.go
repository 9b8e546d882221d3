package terms_test

import (
	"regexp"
	"strings"
	"testing"

	"entente"
	"entente/terms"
)

var commented = regexp.MustCompile(`(?m)^# ([a-z_]+ = .*)$`)

// A template is a file without problems, explains every key, and stays without problems
// when any one of its commented lines is made to count.
func TestTemplate(t *testing.T) {
	for name, o := range map[string]terms.TemplateOptions{
		"plain": {},
		"given": {Name: "banks", Title: `The "Banks"`, Purpose: "a\nb", Collections: []string{"Phishing", "Lures \\ é"},
			Members: []string{"Example Bank", "Example ISAC", "North \"1\"\nß"}},
		"dialogue": {Name: "talks", Dialogue: true, Collections: []string{"Phishing"}, Members: []string{"Example Bank", "Example ISAC"}},
	} {
		file := string(terms.Template(o))
		got, problems := terms.Read([]byte(file), names)
		if len(problems) > 0 {
			t.Errorf("%s:\n%s", name, file)
			tell(t, problems)
			continue
		}
		if o.Name != "" && got.Name != o.Name || o.Title != "" && got.Title != o.Title || o.Purpose != "" && got.Purpose != o.Purpose {
			t.Errorf("%s: %+v", name, got)
		}
		if o.Dialogue == (len(got.Collections) > 0) || len(got.Members) != max(1, len(o.Members)) {
			t.Errorf("%s: %+v", name, got)
		}
		lines := commented.FindAllStringSubmatchIndex(file, -1)
		if len(lines) < 4 {
			t.Errorf("%s: only %d keys are commented", name, len(lines))
		}
		for _, at := range lines {
			one := file[:at[0]] + file[at[2]:]
			_, problems := terms.Read([]byte(one), names)
			for _, p := range problems {
				t.Errorf("%s, with %s: %s", name, file[at[2]:at[3]], p)
			}
		}
		for _, key := range terms.KeyNames() {
			given := regexp.MustCompile(`(?m)^(# )?` + key + ` = `).MatchString(file)
			if !given && !o.Dialogue {
				t.Errorf("%s: the template does not have %s", name, key)
			}
		}
		for line := range strings.Lines(file) {
			if len(line) > 160 && !strings.Contains(line, " = ") {
				t.Errorf("%s: a long line: %s", name, line)
			}
		}
	}
	// What cannot be used in an agreement of dialogue is not taught for one: whoever writes
	// all of its keys has no problem.
	all := commented.ReplaceAllString(string(terms.Template(terms.TemplateOptions{Dialogue: true})), "$1")
	x, problems := terms.Read([]byte(all), names)
	tell(t, problems)
	if x.Community == "" || x.ValidUntil == 0 || x.Highest != entente.TLPNone {
		t.Errorf("%+v", x)
	}
}
