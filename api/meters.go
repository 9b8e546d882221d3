package api

import (
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// meters are the server's metrics. Their labels have few values: an endpoint is the path
// of a route, never what a client asked for.
type meters struct {
	requests *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
	received *prometheus.CounterVec
	sent     *prometheus.CounterVec
	limited  *prometheus.CounterVec
	inFlight prometheus.Gauge
}

func newMeters(reg *prometheus.Registry) (*meters, error) {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
	}
	m := &meters{
		requests: counter("entente_http_requests_total", "Requests answered, by endpoint, method and class of status.", "endpoint", "method", "status"),
		received: counter("entente_http_received_bytes_total", "Bytes of request bodies, by endpoint.", "endpoint"),
		sent:     counter("entente_http_sent_bytes_total", "Bytes of answers' bodies, by endpoint.", "endpoint"),
		limited:  counter("entente_http_limited_total", "Requests refused because of a limit: of the server, an account, or failed sign-ins.", "limit"),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "entente_http_request_seconds",
			Help: "Time from a request's headers to the end of its answer.", Buckets: prometheus.ExponentialBuckets(0.001, 4, 8)}, []string{"endpoint"}),
		inFlight: prometheus.NewGauge(prometheus.GaugeOpts{Name: "entente_http_in_flight_requests", Help: "Requests that are worked on."}),
	}
	// A second server on one node counts into the same metrics.
	return m, errors.Join(
		join(reg, &m.requests), join(reg, &m.seconds), join(reg, &m.received), join(reg, &m.sent),
		join(reg, &m.limited), join(reg, &m.inFlight))
}

func join[C prometheus.Collector](reg *prometheus.Registry, c *C) error {
	err := reg.Register(*c)
	var there prometheus.AlreadyRegisteredError
	if errors.As(err, &there) {
		if same, ok := there.ExistingCollector.(C); ok {
			*c = same
			return nil
		}
	}
	return err
}

// done counts a request that has been answered.
func (m *meters) done(method string, x *exchange, took time.Duration) {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodDelete, http.MethodPut, http.MethodPatch, http.MethodOptions:
	default:
		method = "other"
	}
	m.requests.WithLabelValues(x.endpoint, method, strconv.Itoa(x.status/100)+"xx").Inc()
	m.seconds.WithLabelValues(x.endpoint).Observe(took.Seconds())
	m.received.WithLabelValues(x.endpoint).Add(float64(x.body.got))
	m.sent.WithLabelValues(x.endpoint).Add(float64(x.sent))
}
