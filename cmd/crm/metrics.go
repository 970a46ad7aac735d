package main

import (
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// metrics counts requests for Prometheus. They are never served beside the pages.
type metrics struct {
	registry *prometheus.Registry
	requests *prometheus.HistogramVec
}

func newMetrics() *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "crm_http_request_duration_seconds",
			Help:    "Time to answer, by method, route pattern and class of status.",
			Buckets: []float64{.002, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
		}, []string{"method", "route", "status"}),
	}
	m.registry.MustRegister(m.requests, collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// observe is a web.Observer. Its labels have few values, whatever is asked for: the pattern, never the path.
func (m *metrics) observe(method, pattern string, status int, took time.Duration) {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost:
	default:
		method = "other"
	}
	if pattern == "" {
		pattern = "none"
	}
	m.requests.WithLabelValues(method, pattern, strconv.Itoa(status/100)+"xx").Observe(took.Seconds())
}

// serve answers /metrics on CRM_METRICS_LISTEN, if set, until stop is called.
func (m *metrics) serve(a *app) (stop func(), err error) {
	if a.MetricsListen == "" {
		return func() {}, nil
	}
	listener, err := listen(a.MetricsListen, "CRM_METRICS_LISTEN")
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{}))
	server := &http.Server{
		Handler: mux, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 15 * time.Second,
		WriteTimeout: 30 * time.Second, IdleTimeout: 60 * time.Second,
	}
	go func() {
		if err := server.Serve(listener); err != http.ErrServerClosed {
			a.log.Error("metrics are no longer served", "error", err)
		}
	}()
	return func() { _ = server.Close() }, nil // a scrape may be cut off
}
