package terms

import (
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/pelletier/go-toml/v2/unstable"

	"entente"
)

// refuse tells that a value is not what its key takes.
func (r *reader) refuse(at entente.Field, line int, what string) {
	r.bad[at] = true
	r.problem(line, 0, "%s takes %s, not %s; for instance %s = %s", r.key.name, r.key.form, what, r.key.name, r.key.example)
}

// word is how a problem calls a value.
func word(v value) string {
	switch v.node.Kind {
	case unstable.String:
		return strconv.Quote(clip(string(v.node.Data)))
	case unstable.Array:
		return "a list"
	case unstable.InlineTable:
		return "a table"
	}
	return clip(string(v.node.Data))
}

// member is the member that a field belongs to.
func (r *reader) member(at entente.Field) *entente.Member { return &r.terms.Members[at.At] }

func (r *reader) text(to *string, at entente.Field, v value) bool {
	if v.node.Kind != unstable.String {
		r.refuse(at, v.line, word(v))
		return false
	}
	*to = string(v.node.Data)
	return true
}

func (r *reader) flag(to *bool, at entente.Field, v value) {
	if v.node.Kind != unstable.Bool {
		r.refuse(at, v.line, word(v))
		return
	}
	*to = string(v.node.Data) == "true"
}

// decimal is how whole numbers are written in terms: TOML has others, which people misread.
var decimal = regexp.MustCompile(`^[+-]?(0|[1-9](_?[0-9])*)$`)

func (r *reader) number(to *int, at entente.Field, v value) {
	if v.node.Kind == unstable.Integer && decimal.Match(v.node.Data) {
		n, err := strconv.ParseInt(strings.ReplaceAll(string(v.node.Data), "_", ""), 10, 32)
		if err == nil {
			*to = int(n)
			return
		}
	}
	r.refuse(at, v.line, word(v))
}

var dayForm = regexp.MustCompile(`^[1-9][0-9]{0,4}d$`)

func (r *reader) days(to *int, at entente.Field, v value) {
	if v.node.Kind != unstable.String || !dayForm.Match(v.node.Data) {
		r.refuse(at, v.line, word(v))
		return
	}
	*to, _ = strconv.Atoi(strings.TrimSuffix(string(v.node.Data), "d")) // five digits at most
}

// level reads a level of TLP, or the word for none where there is one.
func (r *reader) level(to *entente.TLP, at entente.Field, v value, none string) {
	if v.node.Kind == unstable.String {
		s := string(v.node.Data)
		if s == none && none != "" {
			return
		}
		var ok bool
		if *to, ok = parseLevel(s); ok {
			return
		}
	}
	r.refuse(at, v.line, word(v))
}

// choice reads one of two words, the second of which sets.
func (r *reader) choice(to *bool, at entente.Field, v value, unset, set string) {
	switch s := string(v.node.Data); {
	case v.node.Kind == unstable.String && s == unset:
	case v.node.Kind == unstable.String && s == set:
		*to = true
	default:
		r.refuse(at, v.line, word(v))
	}
}

func (r *reader) direction(at entente.Field, v value) {
	for f, s := range flows {
		if v.node.Kind == unstable.String && s == string(v.node.Data) && f > 0 {
			r.member(at).Flow = entente.Flow(f)
			return
		}
	}
	r.refuse(at, v.line, word(v))
}

func (r *reader) organisation(at entente.Field, v value) {
	var name string
	if !r.text(&name, at, v) {
		return
	}
	if at.At >= entente.MaxMembers {
		return // that there are too many is told, and looking all of them up would cost
	}
	r.member(at).Organisation = r.resolve(at, v.line, name, r.names.Organisation)
}

// resolve gives the id for a name, "" if there is none.
func (r *reader) resolve(at entente.Field, line int, name string, find func(string) (string, error)) string {
	id, err := find(name)
	if err != nil {
		r.bad[at] = true
		r.problem(line, 0, "%s", entente.PublicText(err))
		return ""
	}
	return id
}

// list reads a list of texts. An element that is none is "" and a problem.
func (r *reader) list(to *[]string, at entente.Field, v value) bool {
	if v.node.Kind != unstable.Array {
		r.refuse(at, v.line, word(v))
		return false
	}
	for it := v.node.Children(); it.Next(); {
		e := value{node: it.Node(), line: v.line}
		if e.node.Raw.Length > 0 {
			e.line = r.line(r.base + int(e.node.Raw.Offset))
		}
		element := entente.Field{Key: at.Key, At: len(*to)}
		r.at[element] = e.line
		var s string
		if r.text(&s, element, e); r.bad[element] {
			s = ""
		}
		*to = append(*to, s)
	}
	return true
}

// some reads a list whose absence means all: an empty one would read as none.
func (r *reader) some(to *[]string, at entente.Field, v value) {
	if r.list(to, at, v) && len(*to) == 0 {
		r.bad[at] = true
		r.problem(v.line, 0, "an empty list of %[1]s would let nothing through; leave %[1]s out to let all through, or name some", at.Key)
	}
}

// named reads a list of names as the ids that they stand for.
func (r *reader) named(to *[]string, at entente.Field, v value, find func(string) (string, error)) {
	if !r.list(to, at, v) || len(*to) > entente.MaxListed {
		return // that there are too many is told, and looking all of them up would cost
	}
	for i, name := range *to {
		if f := (entente.Field{Key: at.Key, At: i}); !r.bad[f] {
			(*to)[i] = r.resolve(f, r.at[f], name, find)
		}
	}
}

// moment reads a day, which is its beginning in UTC plus a number of days, or a moment.
func (r *reader) moment(to *int64, at entente.Field, v value, add int) {
	s := string(v.node.Data)
	switch v.node.Kind {
	case unstable.LocalDate:
		if day, err := time.Parse(time.DateOnly, s); err == nil {
			r.micros(to, day.AddDate(0, 0, add))
			return
		}
	case unstable.DateTime:
		t, err := time.Parse(time.RFC3339Nano, strings.Replace(strings.ToUpper(s), " ", "T", 1))
		if err == nil && t.Nanosecond()%1000 == 0 {
			r.micros(to, t)
			return
		}
	case unstable.LocalDateTime:
		r.bad[at] = true
		r.problem(v.line, 0, "%s does not say in which time zone %s is; write Z behind it for UTC", at.Key, clip(s))
		return
	}
	r.refuse(at, v.line, word(v))
}

// micros takes a moment over. The one that would mean none is made one that is refused.
func (r *reader) micros(to *int64, t time.Time) {
	if *to = t.UnixMicro(); *to == 0 {
		*to = -1
	}
}
