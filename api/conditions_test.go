package api

import (
	"encoding/json"
	"fmt"
	"net/url"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"entente"
	"entente/node"
	"entente/store/storetest"
	"entente/taxii"

	"pgregory.net/rapid"
)

// ---- The reference: whether an object meets a condition, by maps and loops. ----

// naiveLevels are the marking definitions of each level of TLP.
var naiveLevels = map[string]string{
	"marking-definition--94868c89-83c2-464b-929b-a1a8aa3c8487": "clear", "marking-definition--613f2e26-407d-48c7-9eca-b8e91df99dc9": "clear",
	"marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb": "green", "marking-definition--34098fce-860f-48ae-8e50-ebd3cc5e41da": "green",
	"marking-definition--55d920b0-5e8b-4f79-9ee9-91f868d9b421": "amber", "marking-definition--f88d31f6-486f-44da-b317-01333bde0b82": "amber",
	"marking-definition--939a9414-2ddd-4d32-a0cd-375ea402b003": "amber+strict",
	"marking-definition--e828b379-4e03-4974-9ac4-e53a884c97c1": "red", "marking-definition--5e57c739-391a-4eb3-b6be-7d15ca92d5ed": "red",
}

// naiveInside are the fields that look below the top.
var naiveInside = strings.Fields("address_family external_id MD5 SHA-1 SHA-256 SHA-512 SHA3-256 SHA3-512 SSDEEP TLSH integrity_level pe_type " +
	"phase_name service_status service_type socket_type source_name start_type")

// naiveHits reports whether a value of an object is what a request names.
func naiveHits(field string, value any, wanted string) bool {
	property, bound := field, ""
	for _, b := range []string{"-gte", "-lte"} {
		if p, ok := strings.CutSuffix(field, b); ok {
			property, bound = p, b
		}
	}
	switch v := value.(type) {
	case bool:
		return property == "revoked" && fmt.Sprint(v) == wanted
	case float64:
		n, err := strconv.ParseFloat(wanted, 64)
		return err == nil && slices.Contains([]string{"confidence", "number", "src_port", "dst_port"}, property) &&
			(bound == "" && v == n || bound == "-gte" && v >= n || bound == "-lte" && v <= n)
	case string:
		switch {
		case slices.Contains([]string{"confidence", "number", "src_port", "dst_port", "revoked"}, property):
			return false
		case bound == "-gte":
			return refMoment(v) >= refMoment(wanted)
		case bound == "-lte":
			return refMoment(v) <= refMoment(wanted)
		case strings.HasPrefix(field, "SHA") || field == "MD5":
			return strings.EqualFold(v, wanted)
		case field == "tlp":
			level := strings.ReplaceAll(strings.ToLower(wanted), "white", "clear")
			return naiveLevels[v] == level
		}
		return v == wanted
	}
	return false
}

// naiveWalk calls f for every property at any depth, with the values of its list, or its
// own.
func naiveWalk(v any, depth int, f func(depth int, name string, values []any)) {
	switch v := v.(type) {
	case []any:
		for _, x := range v {
			naiveWalk(x, depth, f)
		}
	case map[string]any:
		for name, x := range v {
			values, ok := x.([]any)
			if !ok {
				values = []any{x}
			}
			f(depth, name, values)
			naiveWalk(x, depth+1, f)
		}
	}
}

func naiveMeets(o map[string]any, field, list string) (met bool) {
	if _, ok := o["revoked"]; field == "revoked" && !ok {
		return slices.Contains(strings.Split(list, ","), "false")
	}
	property := strings.TrimSuffix(strings.TrimSuffix(field, "-gte"), "-lte")
	naiveWalk(o, 0, func(depth int, name string, values []any) {
		here := depth == 0 && name == property
		switch {
		case slices.Contains(naiveInside, field):
			here = depth > 0 && name == field
		case field == "tlp":
			here = name == "object_marking_refs" && depth == 0 || name == "marking_ref"
		case field == "relationships-all":
			here = strings.HasSuffix(name, "_ref") || strings.HasSuffix(name, "_refs")
		}
		for _, v := range values {
			for wanted := range strings.SplitSeq(list, ",") {
				met = met || here && naiveHits(field, v, wanted)
			}
		}
	})
	return met
}

// ---- What is drawn. ----

func drawPick(t *rapid.T, what string, from ...string) string {
	return rapid.SampledFrom(from).Draw(t, what)
}

var (
	drawnTimes  = []string{"2026-01-01T00:00:00Z", "2026-01-01T00:00:00.0000001Z", "2026-01-01T00:00:00.100Z", "2026-02-01T00:00:00Z"}
	drawnHashes = []string{"d41d8cd98f00b204e9800998ecf8427e", "D41D8CD98F00B204E9800998ECF8427E", "00000000000000000000000000000000"}
	drawnRefs   = []string{"tool--00000000-0000-4000-8000-000000000001", "malware--00000000-0000-4000-8000-000000000002", "identity--00000000-0000-4000-8000-000000000003"}
	drawnTexts  = []string{"a", "b", "A", "é", "a b", "a&b=c", `q"\`}
	drawnTypes  = []string{"x-thing", "malware", "relationship", "file"}
)

// drawCondition draws a match field with its values.
func drawCondition(t *rapid.T) (field, list string) {
	field = drawPick(t, "field", "name", "value", "name", "pattern_type", "confidence", "src_port", "number", "revoked", "labels", "aliases", "sectors",
		"external_id", "source_name", "MD5", "SHA-256", "SSDEEP", "phase_name", "start_type", "tlp", "relationships-all", "relationships-all",
		"confidence-gte", "confidence-lte", "number-gte", "src_port-lte", "modified-gte", "modified-lte", "valid_until-gte", "valid_from-lte")
	from := drawnTexts
	switch {
	case field == "revoked":
		from = []string{"true", "false"}
	case field == "tlp":
		from = []string{"white", "CLEAR", "green", "amber", "amber+strict", "red"}
	case field == "relationships-all":
		from = append(slices.Clone(drawnRefs), "marking-definition--34098fce-860f-48ae-8e50-ebd3cc5e41da")
	case field == "MD5" || field == "SHA-256":
		from = drawnHashes
	case strings.HasPrefix(field, "modified") || strings.HasPrefix(field, "valid"):
		from = append(slices.Clone(drawnTimes), "2026-01-01T00:00:05Z")
	case strings.HasPrefix(field, "confidence") || strings.HasPrefix(field, "number") || strings.HasPrefix(field, "src_port"):
		from = []string{"0", "7", "50", "-1", "007"}
	}
	return field, strings.Join(rapid.SliceOfN(rapid.SampledFrom(from), 1, 2).Draw(t, "wanted"), ",")
}

// drawMember draws a property that some condition looks at.
func drawMember(t *rapid.T) (name, value string) {
	quoted := func(s string) string { b, _ := json.Marshal(s); return string(b) }
	text := func() string { return quoted(drawPick(t, "text", drawnTexts...)) }
	number := func() string { return drawPick(t, "number", "0", "7", "50", "5e1", "49.5", `"50"`, "null") }
	ref := func() string { return quoted(drawPick(t, "ref", drawnRefs...)) }
	marking := func() string {
		return quoted(drawPick(t, "marking", "marking-definition--00000000-0000-4000-8000-00000000000f", "marking-definition--94868c89-83c2-464b-929b-a1a8aa3c8487",
			"marking-definition--613f2e26-407d-48c7-9eca-b8e91df99dc9", "marking-definition--34098fce-860f-48ae-8e50-ebd3cc5e41da",
			"marking-definition--939a9414-2ddd-4d32-a0cd-375ea402b003", "marking-definition--5e57c739-391a-4eb3-b6be-7d15ca92d5ed"))
	}
	name = drawPick(t, "member", "name", "name", "value", "pattern_type", "confidence", "src_port", "number", "revoked", "labels", "aliases", "sectors",
		"external_references", "hashes", "kill_chain_phases", "extensions", "object_marking_refs", "granular_markings", "created_by_ref", "source_ref", "x_refs",
		"valid_from", "valid_until", "external_id", "start_type")
	switch name {
	case "confidence", "src_port", "number":
		return name, number()
	case "revoked":
		return name, drawPick(t, "revoked", "true", "false")
	case "labels", "aliases", "sectors":
		return name, "[" + text() + "," + text() + "]"
	case "external_references":
		return name, `[{"source_name":` + text() + `},{"source_name":"s","external_id":` + text() + `,"hashes":{"MD5":` + quoted(drawPick(t, "hash", drawnHashes...)) + `}}]`
	case "hashes":
		return name, `{"` + drawPick(t, "algorithm", "MD5", "SHA-256") + `":` + quoted(drawPick(t, "hash", drawnHashes...)) + `,"SSDEEP":` + text() + `}`
	case "kill_chain_phases":
		return name, `[{"kill_chain_name":"k","phase_name":` + text() + `}]`
	case "extensions":
		return name, `{"windows-service-ext":{"start_type":` + text() + `,"descriptions":[{"x_ref":` + ref() + `}],"name":` + text() + `}}`
	case "object_marking_refs":
		return name, "[" + marking() + "]"
	case "granular_markings":
		return name, `[{"marking_ref":` + marking() + `,"selectors":["type"]}]`
	case "created_by_ref", "source_ref":
		return name, ref()
	case "x_refs":
		return name, "[" + ref() + "," + ref() + "]"
	case "valid_from", "valid_until":
		return name, quoted(drawPick(t, "time", drawnTimes...))
	}
	return name, text()
}

// naiveObject is an object that was taken in.
type naiveObject struct {
	id, modified string
	members      map[string]any
}

func drawObject(t *rapid.T, minute int) (id, body string) {
	typ := drawPick(t, "type", drawnTypes...)
	id = fmt.Sprintf("%s--00000000-0000-4000-8000-%012d", typ, rapid.IntRange(0, 11).Draw(t, "object"))
	members := map[string]string{"type": `"` + typ + `"`, "id": `"` + id + `"`, "spec_version": `"2.1"`, "created": `"2020-01-01T00:00:00Z"`,
		"modified": fmt.Sprintf(`"2026-01-01T00:%02d:%02d.000Z"`, minute/60, minute%60)} // later ones are newer
	for range rapid.IntRange(0, 12).Draw(t, "members") {
		name, value := drawMember(t)
		members[name] = value
	}
	var parts []string
	for name, value := range members {
		parts = append(parts, `"`+name+`":`+value)
	}
	slices.Sort(parts)
	return id, "{" + strings.Join(parts, ",") + "}"
}

// ---- The property. ----

// TestConditions posts random objects to a new collection, with the index of values
// anywhere behind, and holds what random filters show, in pages of random lengths, against
// the reference.
func TestConditions(t *testing.T) {
	for engine, newURL := range storetest.URLs() {
		for _, lines := range []int{0, 1, 7} {
			t.Run(fmt.Sprint(engine, " ", lines), func(t *testing.T) {
				w := newWorldOf(t, Config{PageMax: 50}, newURL(t), node.Config{PageLines: lines})
				n, counts := 0, map[string]int{}
				rapid.Check(t, func(t *rapid.T) {
					n++
					v := &conditionsWorld{world: w, in: w.make(entente.AddCollection{Name: fmt.Sprint("C", n)}), counts: counts}
					for range rapid.IntRange(1, 4).Draw(t, "batches") {
						v.fill(t)
						if rapid.Bool().Draw(t, "the index catches up") {
							w.must(w.node.CatchUp(w.t.Context(), nil))
						}
						for range rapid.IntRange(1, 4).Draw(t, "filters") {
							v.compare(t)
						}
					}
				})
				t.Log(counts)
				for _, what := range []string{"taken", "refused", "shown", "filters that show something", "empty pages"} {
					if counts[what] == 0 && (what != "empty pages" || lines == 1) {
						t.Errorf("no %s: nothing was tried", what)
					}
				}
			})
		}
	}
}

type conditionsWorld struct {
	*world
	in    string
	taken []naiveObject // in their order
	posts int

	counts map[string]int
}

func (v *conditionsWorld) fill(t *rapid.T) {
	var bodies []string
	byVersion := map[string]string{}
	for range rapid.IntRange(1, 12).Draw(t, "objects") {
		v.posts++
		id, body := drawObject(t, v.posts)
		bodies = append(bodies, body)
		byVersion[id+" "+fmt.Sprint(v.posts)] = body
	}
	v.clock.Add(1000)
	r := v.do(request{method: "POST", path: "/api1/collections/" + v.in + "/objects/", as: "operator", body: `{"objects":[` + strings.Join(bodies, ",") + `]}`})
	if r.status != 202 {
		t.Fatalf("%d %s", r.status, r.body)
	}
	st := decode[taxii.Status](v.t, r)
	good := map[string]bool{}
	for _, s := range st.Successes {
		good[s.ID+" "+s.Version] = true
	}
	for _, body := range bodies {
		o := naiveObject{}
		v.must(json.Unmarshal([]byte(body), &o.members))
		o.id, o.modified = o.members["id"].(string), o.members["modified"].(string)
		if good[o.id+" "+o.modified] { // not what no object may say, such as a confidence in words
			v.taken = append(v.taken, o)
			v.counts["taken"]++
		} else {
			v.counts["refused"]++
		}
	}
}

// want lists what a filter shows, by id and version.
func (v *conditionsWorld) want(filter url.Values) (out []string) {
	for i, o := range v.taken {
		later := slices.ContainsFunc(v.taken[i+1:], func(p naiveObject) bool { return p.id == o.id })
		show := filter.Get("match[version]") == "all" || !later
		for name := range filter {
			field := strings.TrimSuffix(strings.TrimPrefix(name, "match["), "]")
			switch field {
			case "version":
			case "type":
				show = show && slices.Contains(strings.Split(filter.Get(name), ","), strings.Split(o.id, "--")[0])
			case "id":
				show = show && slices.Contains(strings.Split(filter.Get(name), ","), o.id)
			default:
				show = show && naiveMeets(o.members, field, filter.Get(name))
			}
		}
		if show {
			out = append(out, o.id+" "+o.modified)
		}
	}
	return out
}

func (v *conditionsWorld) compare(t *rapid.T) {
	filter := url.Values{}
	for range rapid.SampledFrom([]int{1, 1, 1, 2, 3}).Draw(t, "conditions") {
		field, list := drawCondition(t)
		filter.Set("match["+field+"]", list)
	}
	if rapid.IntRange(0, 2).Draw(t, "version") == 0 {
		filter.Set("match[version]", "all")
	}
	switch rapid.IntRange(0, 5).Draw(t, "narrow") {
	case 0:
		filter.Set("match[type]", strings.Join(rapid.SliceOfN(rapid.SampledFrom(drawnTypes), 1, 2).Draw(t, "types"), ","))
	case 1:
		filter.Set("match[id]", "x-thing--00000000-0000-4000-8000-000000000001,file--00000000-0000-4000-8000-000000000002")
	}
	at := drawPick(t, "endpoint", "objects", "manifest")
	limit := rapid.IntRange(1, 9).Draw(t, "limit")
	var got []string
	next := ""
	for pages := 0; ; pages++ {
		query := url.Values{"limit": {fmt.Sprint(limit)}}
		if next != "" {
			query.Set("next", next)
		}
		if next == "" || pages%2 == 0 { // with the filters sent again, and without
			for name := range filter {
				query.Set(name, filter.Get(name))
			}
		}
		r := v.get("operator", "/api1/collections/"+v.in+"/"+at+"/?"+query.Encode())
		var p struct {
			More    bool
			Next    string
			Objects []map[string]any
		}
		if err := json.Unmarshal([]byte(r.body), &p); err != nil || r.status != 200 || len(p.Objects) > limit || p.More != (p.Next != "") || pages > len(v.taken)+1 {
			t.Fatalf("page %d of %v: %d %s, %v", pages, filter, r.status, r.body, err)
		}
		first, last := r.header.Get("X-TAXII-Date-Added-First"), r.header.Get("X-TAXII-Date-Added-Last")
		if (len(p.Objects) == 0) != (first == "" && last == "") {
			t.Fatalf("dates %q and %q of %s", first, last, r.body)
		}
		for i, o := range p.Objects {
			version := o["modified"]
			if at == "manifest" {
				version = o["version"]
				if i == 0 && o["date_added"] != first || i == len(p.Objects)-1 && o["date_added"] != last {
					t.Fatalf("dates %q and %q of %s", first, last, r.body)
				}
			}
			got = append(got, fmt.Sprint(o["id"], " ", version))
		}
		if len(p.Objects) == 0 && p.More {
			v.counts["empty pages"]++
		}
		if next = p.Next; next == "" {
			break
		}
	}
	v.counts["shown"] += len(got)
	v.counts["filters that show something"] += min(len(got), 1)
	if want := v.want(filter); !slices.Equal(got, want) {
		t.Fatalf("%v\nshows %q\nwant  %q\nof    %v", filter, got, want, v.taken)
	}
}

// What is malformed is refused, and what is not defined is ignored (TAXII 2.1 §3.4): the
// match fields of the interoperability tests stand on objects and manifest.
func TestConditionsWhereTheyAreDefined(t *testing.T) {
	w := newWorldOf(t, Config{}, filepath.Join(t.TempDir(), "node.db"), node.Config{PageLines: 2})
	var objects []string
	for n := range 5 {
		objects = append(objects, indicator(n, n))
	}
	w.post("operator", objects...)
	for _, c := range []struct {
		path   string
		status int
		shows  int
	}{
		{"objects/?match[pattern_type]=stix", 200, 2},
		{"objects/?match[pattern_type]=snort", 200, 0},
		{"manifest/?match[pattern_type]=stix&match[type]=indicator", 200, 2},
		{"objects/?match[confidence]=high", 400, 0},
		{"manifest/?match[tlp]=purple", 400, 0},
		{"manifest/?match[name]=", 400, 0},
		{"objects/?match[name]=a&match[name]=a", 400, 0},
		{"objects/?match[Name]=a&match[x-own]=", 200, 2}, // of five, by two lines a page: not selected by
		{"objects/" + indicatorID(1) + "/?match[confidence]=high", 200, 1},
		{"objects/" + indicatorID(1) + "/versions/?match[confidence]=high", 200, 0},
		{"objects/" + indicatorID(1) + "/?match[name]=a&match[name]=a", 400, 0},
	} {
		r := w.get("operator", w.at(c.path))
		var p served
		if r.status == 200 {
			w.must(json.Unmarshal([]byte(r.body), &p))
		}
		if r.status != c.status || len(p.Objects) != c.shows {
			t.Errorf("%s: %d %s, want %d and %d objects", c.path, r.status, r.body, c.status, c.shows)
		}
	}
	// An empty page with more to come has a cursor and no dates; the cursor keeps the
	// request, and another one is refused with it.
	r := w.get("operator", w.at("objects/?match[pattern_type]=snort"))
	var p served
	w.must(json.Unmarshal([]byte(r.body), &p))
	if !p.More || p.Next == "" || r.header.Get("X-TAXII-Date-Added-First") != "" || r.body != `{"more":true,"next":"`+p.Next+`"}`+"\n" {
		t.Fatalf("%v %s", r.header, r.body)
	}
	for query, want := range map[string]int{"": 200, "&match[pattern_type]=snort": 200, "&match[pattern_type]=stix": 400, "&match[labels]=a": 400} {
		if r := w.get("operator", w.at("objects/?next="+p.Next+query)); r.status != want {
			t.Errorf("next%s: %d %s", query, r.status, r.body)
		}
	}
}
