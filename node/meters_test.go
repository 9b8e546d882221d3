package node

import (
	"bytes"
	"math"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// What is told is the text format of Prometheus: every family once, with its type before
// its figures; a histogram's buckets ascend to +Inf, which is its count.
func TestMetricsFormat(t *testing.T) {
	m := newMeters()
	m.all.Counter("entente_x_total", "label", "a\"b\\c\nd{e}", "other", "é").Add(3)
	m.all.Counter("entente_x_total", "label", "a", "other", "").Inc()
	for _, seconds := range []float64{0, 0.5, 0.6, 2, 1e9} {
		m.all.Histogram([]float64{0.5, 1, 2.5}, "entente_y_seconds", "endpoint", "/{a}/b").Update(seconds)
	}
	m.all.Describe("entente_y_seconds", "How long.")
	m.lag.Set(math.Pow(2, 40))
	m.refused.AddInt64(1 << 40)
	m.signIn("cached")
	var b bytes.Buffer
	if err := m.all.Write(&b); err != nil {
		t.Fatal(err)
	}
	text := b.String()
	for _, want := range []string{
		"# TYPE entente_x_total counter\n" + `entente_x_total{label="a",other=""} 1` + "\n" + `entente_x_total{label="a\"b\\c\nd{e}",other="é"} 3` + "\n",
		"# HELP entente_y_seconds How long.\n# TYPE entente_y_seconds histogram\n" +
			`entente_y_seconds_bucket{endpoint="/{a}/b",le="0.5"} 2` + "\n" + `entente_y_seconds_bucket{endpoint="/{a}/b",le="1"} 3` + "\n" +
			`entente_y_seconds_bucket{endpoint="/{a}/b",le="2.5"} 4` + "\n" + `entente_y_seconds_bucket{endpoint="/{a}/b",le="+Inf"} 5` + "\n" +
			`entente_y_seconds_sum{endpoint="/{a}/b"} `,
		"# HELP entente_search_lag_entries Entries of accept logs that full-text search has not read yet.\n# TYPE entente_search_lag_entries gauge\nentente_search_lag_entries 1099511627776\n",
		"entente_refused_objects_total 1099511627776\n", `entente_sign_ins_total{result="cached"} 1` + "\n",
		"\ngo_goroutines ", "\ngo_memstats_heap_inuse_bytes ", "\nprocess_resident_memory_bytes ", "\nprocess_open_fds ", "\nprocess_cpu_seconds_total ", "\nprocess_start_time_seconds ",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("there is no %s", want)
		}
	}

	types := map[string]string{}
	said := regexp.MustCompile(`^# (HELP|TYPE) ([a-zA-Z_:][a-zA-Z0-9_:]*) (.+)$`)
	figure := regexp.MustCompile(`^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{((?:[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\]|\\["\\n])*",? ?)*)\})? (\S+)$`)
	last := 0.0 // of the buckets before
	family := ""
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		if f := said.FindStringSubmatch(line); f != nil {
			if f[1] == "TYPE" {
				if family = f[2]; types[family] != "" {
					t.Errorf("%s is told twice", family)
				}
				types[family], last = f[3], 0
			}
			continue
		}
		f := figure.FindStringSubmatch(line)
		if f == nil {
			t.Errorf("%q is neither a figure nor a comment", line)
			continue
		}
		name, labels := f[1], f[2]
		value, err := strconv.ParseFloat(f[3], 64)
		if err != nil {
			t.Errorf("%q: %v", line, err)
		}
		if types[family] != "histogram" {
			if name != family && types[family] != "summary" {
				t.Errorf("%q stands below %q", line, family)
			}
			continue
		}
		switch strings.TrimPrefix(name, family) {
		case "_bucket":
			if value < last || !strings.Contains(labels, `le="`) {
				t.Errorf("%q, after %v", line, last)
			}
			last = value
		case "_count":
			if value != last {
				t.Errorf("%q, and all buckets have %v", line, last)
			}
			last = 0
		case "_sum":
		default:
			t.Errorf("%q stands below %q", line, family)
		}
	}
}

// A figure that is asked for again is the same one, whoever asks.
func TestMetricsAreShared(t *testing.T) {
	m := newMeters().all
	m.Counter("entente_a_total", "x", "1").Inc()
	m.Gauge("entente_b").Add(2)
	if m.Counter("entente_a_total", "x", "1").Get() != 1 || m.Counter("entente_a_total", "x", "2").Get() != 0 || m.Gauge("entente_b").Get() != 2 {
		t.Error("there are several of one figure")
	}
}
