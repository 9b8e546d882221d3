package api

import (
	"net/http"
	"strconv"
	"time"

	"entente/node"
)

// meters are the server's metrics. Their labels have few values: an endpoint is the path
// of a route, never what a client asked for. A second server on one node counts into the
// same metrics.
type meters struct {
	all    *node.Metrics
	bounds []float64 // of the time that a request takes, in seconds
}

func newMeters(all *node.Metrics) *meters {
	for name, help := range map[string]string{
		"entente_http_requests_total":       "Requests answered, by endpoint, method and class of status.",
		"entente_http_received_bytes_total": "Bytes of request bodies, by endpoint.",
		"entente_http_sent_bytes_total":     "Bytes of answers' bodies, by endpoint.",
		"entente_http_limited_total":        "Requests refused because of a limit: of the server, an account, or failed sign-ins.",
		"entente_http_request_seconds":      "Time from a request's headers to the end of its answer.",
		"entente_http_in_flight_requests":   "Requests that are worked on.",
	} {
		all.Describe(name, help)
	}
	m := &meters{all: all, bounds: []float64{0.001, 0.004, 0.016, 0.064, 0.256, 1.024, 4.096, 16.384}}
	m.working(0)
	return m
}

// working counts a request that has begun (1) or ended (-1).
func (m *meters) working(by float64) { m.all.Gauge("entente_http_in_flight_requests").Add(by) }

// limited counts a request that a limit refused.
func (m *meters) limited(limit string) {
	m.all.Counter("entente_http_limited_total", "limit", limit).Inc()
}

// done counts a request that has been answered.
func (m *meters) done(method string, x *exchange, took time.Duration) {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodDelete, http.MethodPut, http.MethodPatch, http.MethodOptions:
	default:
		method = "other"
	}
	m.all.Counter("entente_http_requests_total", "endpoint", x.endpoint, "method", method, "status", strconv.Itoa(x.status/100)+"xx").Inc()
	m.all.Histogram(m.bounds, "entente_http_request_seconds", "endpoint", x.endpoint).Update(took.Seconds())
	m.all.Counter("entente_http_received_bytes_total", "endpoint", x.endpoint).AddInt64(x.body.got)
	m.all.Counter("entente_http_sent_bytes_total", "endpoint", x.endpoint).AddInt64(x.sent)
}
