package node

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"sync"

	"github.com/VictoriaMetrics/metrics"

	"entente"
)

// Metrics are figures by name and labels, told in the text format of Prometheus. They may
// be used from many goroutines. Labels are given as name, value, name, value; a figure is
// there from the moment in which it is first asked for.
type Metrics struct {
	set *metrics.Set

	mu   sync.Mutex
	help map[string]string
}

func newMetrics() *Metrics {
	metrics.ExposeMetadata(true) // of the whole process, and always the same
	return &Metrics{set: metrics.NewSet(), help: map[string]string{}}
}

// Describe says what a name means.
func (m *Metrics) Describe(name, help string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.help[name] = help
}

// Counter counts what only grows.
func (m *Metrics) Counter(name string, labels ...string) *metrics.Counter {
	return m.set.GetOrCreateCounter(series(name, labels))
}

// Gauge holds a figure as it is now.
func (m *Metrics) Gauge(name string, labels ...string) *metrics.Gauge {
	return m.set.GetOrCreateGauge(series(name, labels), nil)
}

// Histogram counts figures by the lowest of the bounds that they do not exceed. Bounds
// ascend, and are the same wherever a name is used.
func (m *Metrics) Histogram(bounds []float64, name string, labels ...string) *metrics.PrometheusHistogram {
	return m.set.GetOrCreatePrometheusHistogramExt(series(name, labels), bounds)
}

// escape is for a label's value, as the format wants it.
var escape = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`)

func series(name string, labels []string) string {
	if len(labels) == 0 {
		return name
	}
	var b strings.Builder
	b.WriteString(name)
	for i := 0; i+1 < len(labels); i += 2 {
		if i == 0 {
			b.WriteByte('{')
		} else {
			b.WriteByte(',')
		}
		b.WriteString(labels[i])
		b.WriteString(`="`)
		_, _ = escape.WriteString(&b, labels[i+1]) // a Builder takes everything
		b.WriteByte('"')
	}
	b.WriteByte('}')
	return b.String()
}

// Write tells all figures, and those of the process and of the Go runtime.
func (m *Metrics) Write(w io.Writer) error {
	var told, out bytes.Buffer
	m.set.WritePrometheus(&told)
	metrics.WriteGoMetrics(&told)
	metrics.WriteProcMetrics(&told)
	metrics.WriteFDMetrics(&told)
	m.mu.Lock()
	for line := range bytes.Lines(told.Bytes()) {
		// The library leaves open what a name means.
		if name, ok := bytes.CutPrefix(line, []byte("# HELP ")); ok {
			name = bytes.TrimSpace(name)
			if help := m.help[string(name)]; help != "" {
				fmt.Fprintf(&out, "# HELP %s %s\n", name, help)
			}
			continue
		}
		out.Write(line)
	}
	m.mu.Unlock()
	_, err := w.Write(out.Bytes())
	return err
}

// meters are the node's own metrics.
type meters struct {
	all     *Metrics
	refused *metrics.Counter
	lag     *metrics.Gauge

	behind                             *metrics.Gauge // positions
	stops, unratified, reviewDue, owed *metrics.Gauge
	unanswered                         *metrics.Gauge
}

func newMeters() *meters {
	m := newMetrics()
	for name, help := range map[string]string{
		"entente_commands_total":             "Commands that went through the node, by kind and result.",
		"entente_submitted_total":            "Submitted versions by outcome.",
		"entente_refused_objects_total":      "Objects that came in and could not be taken as STIX.",
		"entente_search_lag_entries":         "Entries of accept logs that full-text search has not read yet.",
		"entente_sign_ins_total":             "Sign-ins by result; cached means that a recent verification was used.",
		"entente_stops_standing":             "Stops on partners that are in force.",
		"entente_stops_unratified":           "Stops in force that nobody has ratified within 24 hours: the reviewer is to look.",
		"entente_stops_review_due":           "Stops in force that are past their review date.",
		"entente_urgent_unreviewed":          "Urgent releases that no second person has reviewed within 24 hours.",
		"entente_feed_entries_total":         "Entries that were appended to release feeds.",
		"entente_feed_withdrawn_total":       "Entries that were withdrawn from release feeds.",
		"entente_witness_requests_total":     "Requests of others' logs to be cosigned, by answer.",
		"entente_ledger_unwitnessed_seconds": "Age of the oldest event that a policy wants witnessed and that no checkpoint that meets it covers.",
		"entente_ledger_fork_alarms":         "Witnesses that have another history of a log of this node: somebody must look at once.",
		"entente_unwitnessed_refusals_total": "Pages that were not sent because the partner's log is not witnessed.",
		"entente_recommendations_unanswered": "Recommendations of reviewers to suspend that no releaser has answered in time.",
		"entente_feed_lag_positions":         "Lines of accept logs that active agreements have not judged yet.",
	} {
		m.Describe(name, help)
	}
	return &meters{all: m, refused: m.Counter("entente_refused_objects_total"), lag: m.Gauge("entente_search_lag_entries"),
		stops: m.Gauge("entente_stops_standing"), unratified: m.Gauge("entente_stops_unratified"), reviewDue: m.Gauge("entente_stops_review_due"),
		owed: m.Gauge("entente_urgent_unreviewed"), unanswered: m.Gauge("entente_recommendations_unanswered"), behind: m.Gauge("entente_feed_lag_positions")}
}

func (m *meters) applied(entered, left int) {
	m.all.Counter("entente_feed_entries_total").Add(entered)
	m.all.Counter("entente_feed_withdrawn_total").Add(left)
}

func (m *meters) signIn(result string) {
	m.all.Counter("entente_sign_ins_total", "result", result).Inc()
}

func (m *meters) command(c entente.Command, ch entente.Change, err error) {
	result := "done"
	if err != nil {
		result = strings.ReplaceAll(entente.KindOf(err).String(), " ", "_")
	}
	name := strings.TrimPrefix(fmt.Sprintf("%T", c), "entente.")
	m.all.Counter("entente_commands_total", "command", name, "result", result).Inc()
	if err != nil {
		return
	}
	var by [entente.Erased + 1]int
	for _, r := range ch.Receipt.Results {
		by[r.Outcome]++
	}
	for o, n := range by {
		if n > 0 {
			m.all.Counter("entente_submitted_total", "outcome", entente.Outcome(o).String()).Add(n)
		}
	}
}
