package node

import (
	"fmt"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"entente"
)

// meters are the node's own metrics.
type meters struct {
	registry  *prometheus.Registry
	commands  *prometheus.CounterVec
	submitted *prometheus.CounterVec
	refused   prometheus.Counter
	lag       prometheus.Gauge
	signIns   *prometheus.CounterVec
}

func newMeters() *meters {
	m := &meters{
		registry: prometheus.NewRegistry(),
		commands: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "entente_commands_total", Help: "Commands that went through the node, by kind and result."}, []string{"command", "result"}),
		submitted: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "entente_submitted_total", Help: "Submitted versions by outcome."}, []string{"outcome"}),
		refused: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "entente_refused_objects_total", Help: "Objects that came in and could not be taken as STIX."}),
		lag: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "entente_search_lag_entries", Help: "Entries of accept logs that full-text search has not read yet."}),
		signIns: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "entente_sign_ins_total", Help: "Sign-ins by result; cached means that a recent verification was used."}, []string{"result"}),
	}
	m.registry.MustRegister(m.commands, m.submitted, m.refused, m.lag, m.signIns,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

func (m *meters) command(c entente.Command, ch entente.Change, err error) {
	result := "done"
	if err != nil {
		result = strings.ReplaceAll(entente.KindOf(err).String(), " ", "_")
	}
	name := strings.TrimPrefix(fmt.Sprintf("%T", c), "entente.")
	m.commands.WithLabelValues(name, result).Inc()
	if err != nil {
		return
	}
	var by [entente.Deleted + 1]int
	for _, r := range ch.Receipt.Results {
		by[r.Outcome]++
	}
	for o, n := range by {
		if n > 0 {
			m.submitted.WithLabelValues(entente.Outcome(o).String()).Add(float64(n))
		}
	}
}
