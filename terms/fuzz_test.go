package terms_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"entente"
	"entente/terms"
)

// FuzzRead holds that any text is either terms that may be proposed, and are written and
// read again as the same, or problems on lines that the text has.
func FuzzRead(f *testing.F) {
	f.Add([]byte(good))
	f.Add(terms.Template(terms.TemplateOptions{}))
	f.Add(terms.Template(terms.TemplateOptions{Dialogue: true}))
	for _, s := range []string{"", "\ufeff", "\r", "a", "=", "a.b = 1", "[", "[[member]]\n[[member]]", "member = [{}]", "types = [\n1,\n[", "title = \"\"\"\n\n",
		"valid_from = 2027-01-01T00:00:00Z\nvalid_until = 0001-01-01", "age = \"1d\"\nage = \"2d\"", "\"\" = 1", "confidence = 1e400", "\"na\\u006de\" = '''\n'''",
		"types = ['relationship']\n[[member]]\nclient = true\ndirection = 'contributes'", "highest = open\n\n# c\nlabels = [\n'a'\nunmarked = 1", "x = nan\ny = +inf\rz = 1"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		x, problems := terms.Read(file, names)
		for _, p := range problems {
			if p.Line < 0 || p.Line2 < 0 || p.Line > lines(file) || p.Line2 > lines(file) || p.Line == 0 && p.Line2 != 0 || p.Text == "" {
				t.Fatalf("%+v in %d lines", p, lines(file))
			}
			if strings.Contains(p.Text, "%!") && !bytes.Contains(file, []byte("%!")) || len(p.Text) > 1000 {
				t.Fatalf("%q", p.Text)
			}
		}
		if len(problems) > 0 {
			if !cmp.Equal(x, entente.Terms{}) {
				t.Fatalf("%+v beside problems", x)
			}
			return
		}
		if c := x.Check(); len(c) > 0 {
			t.Fatalf("%+v", c)
		}
		again, problems := terms.Read(terms.Format(x, names.title), names)
		if len(problems) > 0 || terms.Hash(again) != terms.Hash(x) {
			t.Fatalf("%s: %v", terms.Format(x, names.title), problems)
		}
		if back, err := terms.Parse(terms.Canonical(x)); err != nil || !cmp.Equal(back, inOrder(x)) {
			t.Fatalf("%s: %v", terms.Canonical(x), err)
		}
	})
}

// FuzzParse holds that what is read as a canonical form is the canonical form of what was
// read.
func FuzzParse(f *testing.F) {
	for _, s := range []string{good, string(terms.Template(terms.TemplateOptions{})), string(terms.Template(terms.TemplateOptions{Dialogue: true}))} {
		x, _ := terms.Read([]byte(s), names)
		f.Add(terms.Canonical(x))
	}
	f.Add(terms.Canonical(entente.Terms{}))
	f.Add([]byte(`{"format":"entente-terms-1","valid_from":"9999-12-31T23:59:59.999999Z","members":[null,{"direction":"none"}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		x, err := terms.Parse(text)
		if err != nil {
			if entente.KindOf(err) != entente.Invalid && entente.KindOf(err) != entente.TooLarge || len(entente.PublicText(err)) > 1000 {
				t.Fatal(err)
			}
			return
		}
		if !bytes.Equal(terms.Canonical(x), text) {
			t.Fatalf("%q is read as %+v", text, x)
		}
		x.Check() // does not fail, whatever a partner sends
	})
}
