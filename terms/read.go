package terms

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"sort"
	"strings"
	"unicode/utf8"

	"github.com/pelletier/go-toml/v2/unstable"

	"entente"
)

// MaxText is the longest terms file that is read, in bytes. Everything that
// [entente.Terms.Check] lets pass fits.
const MaxText = 2 << 20

const (
	maxProblems = 100 // that are told of one file
	maxBroken   = 20  // lines that are no TOML, after which reading stops
)

// Names finds what the file names, as the reader of it may see it. An error's public text
// says what is wrong with the name and becomes the problem's.
type Names interface {
	// Organisation gives the id of a partner by its name or id.
	Organisation(nameOrID string) (id string, err error)
	// Collection gives the id of one of home's collections by its name or id.
	Collection(nameOrID string) (id string, err error)
}

// Problem is one thing that is wrong with a terms file.
type Problem struct {
	Line  int    // from 1; 0 where it is about the file as a whole
	Line2 int    // the other of two lines that contradict each other, else 0
	Text  string // what is wrong and what to do
}

// String puts the lines before the text.
func (p Problem) String() string {
	switch {
	case p.Line == 0:
		return p.Text
	case p.Line2 == 0:
		return fmt.Sprintf("line %d: %s", p.Line, p.Text)
	}
	return fmt.Sprintf("line %d and line %d: %s", p.Line, p.Line2, p.Text)
}

// Read reads a terms file (TOML 1.0) of at most [MaxText] bytes. It gives all problems at
// once, by line, up to a hundred of them; the terms are zero unless there are none.
func Read(file []byte, names Names) (entente.Terms, []Problem) {
	r := &reader{names: names, file: file, at: map[entente.Field]int{}, bad: map[entente.Field]bool{}}
	if r.readable() {
		r.read()
	}
	for _, c := range r.terms.Check() {
		r.clash(c)
	}
	if len(r.problems) == 0 {
		return r.terms, nil
	}
	slices.SortStableFunc(r.problems, func(a, b Problem) int { return cmp.Compare(a.Line, b.Line) })
	if r.more {
		r.problems = append(r.problems, Problem{Text: fmt.Sprintf("there are more problems than the %d above; correct those first", maxProblems)})
	}
	return entente.Terms{}, r.problems
}

// reader is the reading of one file.
type reader struct {
	names    Names
	file     []byte
	starts   []int // offset of each line
	terms    entente.Terms
	at       map[entente.Field]int  // the line of what was given
	bad      map[entente.Field]bool // given, and a problem already
	problems []Problem
	more     bool // there are problems that are not in problems
	broken   bool // a part could not be read, so that nothing is known to be missing
	key      *key // that is being read
	base     int  // the offset at which the parser began
	table    int  // the member that keys belong to; -1 for none, -2 for a table that does not exist
}

// value is a value of the file with the line it begins on.
type value struct {
	node *unstable.Node
	line int
}

func (r *reader) problem(line, line2 int, format string, args ...any) {
	if len(r.problems) == maxProblems {
		r.more = true
		return
	}
	r.problems = append(r.problems, Problem{Line: line, Line2: line2, Text: fmt.Sprintf(format, args...)})
}

// clash tells what is wrong with the terms as such, unless it follows from what was told.
// Where lines could not be read, only what stands there counts.
func (r *reader) clash(c entente.Clash) {
	if r.isBad(c.A) || r.isBad(c.B) || r.broken && !(r.given(c.A) && (c.B.Key == "" || r.given(c.B))) {
		return
	}
	line, line2 := r.lineOf(c.A), r.lineOf(c.B)
	if line == 0 {
		line, line2 = line2, 0
	}
	if line == line2 {
		line2 = 0
	}
	r.problem(line, line2, "%s", c.Text)
}

func (r *reader) isBad(f entente.Field) bool {
	return r.bad[f] || r.bad[entente.Field{Key: f.Key, At: -1}]
}

func (r *reader) given(f entente.Field) bool { return r.at[f] > 0 }

// lineOf is where a field is given; for a member's key that is not, where the member begins;
// 0 if there is neither.
func (r *reader) lineOf(f entente.Field) int {
	if line, ok := r.at[f]; ok {
		return line
	}
	if find(memberKeys, f.Key) != nil {
		return r.at[entente.Field{Key: "member", At: f.At}]
	}
	return r.at[entente.Field{Key: f.Key, At: -1}]
}

// line is the line that an offset is on.
func (r *reader) line(offset int) int {
	return sort.SearchInts(r.starts, offset+1)
}

// readable tells whether the file is text of a length that is read.
func (r *reader) readable() bool {
	if len(r.file) > MaxText {
		r.broken = true
		r.problem(0, 0, "the file has %d bytes; terms have %d at most", len(r.file), MaxText)
		return false
	}
	r.starts = append(r.starts, 0)
	for i, c := range r.file {
		if c == '\n' && i+1 < len(r.file) {
			r.starts = append(r.starts, i+1)
		}
	}
	if utf8.Valid(r.file) {
		return true
	}
	r.broken = true
	for i := 0; i < len(r.file); {
		c, size := utf8.DecodeRune(r.file[i:])
		if c == utf8.RuneError && size == 1 {
			r.problem(r.line(i), 0, "there are bytes here that are not UTF-8; save the file as UTF-8")
			break
		}
		i += size
	}
	return false
}

// read goes through the file, expression by expression. After a line that is no TOML it goes
// on with the next, so that one slip does not hide others.
func (r *reader) read() {
	r.table = -1
	base := 0
	if strings.HasPrefix(string(r.file[:min(3, len(r.file))]), "\ufeff") {
		base = 3 // the byte order mark that some editors write
	}
	for slips := 0; slips < maxBroken; slips++ {
		var p unstable.Parser
		p.Reset(r.file[base:])
		r.base = base
		end := base // of what was understood
		for p.NextExpression() {
			end = r.expression(p.Expression())
		}
		err := p.Error()
		if err == nil {
			return
		}
		r.broken = true
		base = r.broke(err, &p, base, end)
		if base >= len(r.file) {
			return
		}
	}
	r.problem(r.line(base), 0, "reading stopped here, as too much before is no TOML; correct that first")
}

// broke tells of a line that is no TOML, and gives the offset to go on from.
func (r *reader) broke(err error, p *unstable.Parser, base, end int) int {
	offset := len(r.file) - 1
	text := err.Error()
	if e := (*unstable.ParserError)(nil); errors.As(err, &e) {
		text = e.Message
		if len(e.Highlight) > 0 {
			offset = base + int(p.Range(e.Highlight).Offset)
		}
	}
	hint := ""
	if strings.Contains(text, "at start of value") || strings.Contains(text, "expected keyword") {
		hint = "; texts are written in quotation marks"
	}
	line := r.line(offset)
	r.problem(line, 0, "this is no TOML: %s%s", clip(text), hint)
	// What failed began on the first line behind end that holds something. If that is an
	// earlier line, this one may be whole in itself.
	first := r.line(end)
	if end > base {
		first++
	}
	for ; first < line; first++ {
		s := strings.TrimSpace(string(r.file[r.starts[first-1]:r.starts[first]]))
		if s != "" && s[0] != '#' {
			return r.starts[line-1]
		}
	}
	if line < len(r.starts) {
		return r.starts[line]
	}
	return len(r.file)
}

// expression reads a key with its value, or the head of a table, and gives the offset
// behind it.
func (r *reader) expression(e *unstable.Node) int {
	var names []string
	from, to := -1, r.base
	for it := e.Key(); it.Next(); {
		k := it.Node()
		names = append(names, string(k.Data))
		if from < 0 {
			from = r.base + int(k.Raw.Offset)
		}
		to = r.base + int(k.Raw.Offset+k.Raw.Length)
	}
	line := r.line(from)
	name := strings.Join(names, ".")
	switch e.Kind {
	case unstable.ArrayTable:
		if name == "member" {
			r.table = len(r.terms.Members)
			r.terms.Members = append(r.terms.Members, entente.Member{})
			r.at[entente.Field{Key: "member", At: r.table}] = line
			if r.table == 0 {
				r.at[entente.Field{Key: "member", At: -1}] = line
			}
			return to
		}
		r.table = -2
		r.problem(line, 0, "terms have no table [[%s]]; the only one is [[member]]", clip(name))
	case unstable.Table:
		r.table = -2
		if name == "member" {
			r.bad[entente.Field{Key: "member", At: -1}] = true
			r.problem(line, 0, "write [[member]] with two brackets, once for each member")
			return to
		}
		r.problem(line, 0, "terms have no table [%s]; the only one is [[member]]", clip(name))
	case unstable.KeyValue:
		to = r.base + int(e.Raw.Offset+e.Raw.Length)
		if r.table != -2 {
			r.assign(names, line, e.Value())
		}
	}
	return to
}

// assign reads one value into the terms.
func (r *reader) assign(names []string, line int, node *unstable.Node) {
	name := names[0]
	all, others, where := keys, memberKeys, "terms have"
	if r.table >= 0 {
		all, others, where = memberKeys, keys, "a [[member]] has"
	}
	k := find(all, name)
	switch {
	case name == "member" && r.table < 0:
		r.bad[entente.Field{Key: name, At: -1}] = true
		r.problem(line, 0, "write each member as [[member]] on a line of its own, and its keys below")
		return
	case k != nil && len(names) > 1:
		r.bad[entente.Field{Key: name, At: r.table}] = true
		r.problem(line, 0, "%s has no parts; it takes %s: %s = %s", name, k.form, name, k.example)
		return
	case k == nil && find(others, name) != nil && r.table >= 0:
		r.bad[entente.Field{Key: name, At: -1}] = true
		r.problem(line, 0, "%s is not of a member; write it above the first [[member]]", name)
		return
	case k == nil && find(others, name) != nil:
		r.problem(line, 0, "%s is of a member; write it below a [[member]]", name)
		return
	case k == nil:
		meant := r.meant(name, all)
		if meant != "" {
			r.bad[entente.Field{Key: meant, At: r.table}] = true
			meant = fmt.Sprintf("; did you mean %s?", meant)
		} else {
			meant = "; take it out"
		}
		r.problem(line, 0, "%s no key %q%s", where, clip(strings.Join(names, ".")), meant)
		return
	}
	at := entente.Field{Key: name, At: r.table}
	if first, ok := r.at[at]; ok {
		r.problem(line, first, "%s is given twice; take one of them out", name)
		return
	}
	r.at[at] = line
	r.key = k
	if node.Raw.Length > 0 {
		line = r.line(r.base + int(node.Raw.Offset))
	}
	k.set(r, at, value{node: node, line: line})
}
