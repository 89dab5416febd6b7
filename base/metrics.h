// Our own metrics: prometheus-cpp's registry with one line per metric.
//
//   prometheus::Counter& dropped = base::AddCounter(registry, "slowburn_x_dropped_total",
//                                                   "Xs dropped.", {{"why", "late"}});
//
// Names: what Prometheus or Alertmanager already exposes keeps its name (prometheus_*,
// alertmanager_*), so dashboards go on working; what is ours begins with slowburn_. Counters end in
// _total, units are seconds and bytes. Adding the same name and labels twice returns the same
// object.
// Threads: all thread-safe. Lifetimes: objects live as long as the registry.
#ifndef SLOWBURN_BASE_METRICS_H_
#define SLOWBURN_BASE_METRICS_H_

#include <map>
#include <string>
#include <vector>

#include "prometheus/counter.h"
#include "prometheus/gauge.h"
#include "prometheus/histogram.h"
#include "prometheus/registry.h"

namespace slowburn::base {

using MetricLabels = std::map<std::string, std::string>;

prometheus::Counter& AddCounter(prometheus::Registry& registry, const std::string& name,
                                const std::string& help, const MetricLabels& labels = {});
prometheus::Gauge& AddGauge(prometheus::Registry& registry, const std::string& name,
                            const std::string& help, const MetricLabels& labels = {});
prometheus::Histogram& AddHistogram(prometheus::Registry& registry, const std::string& name,
                                    const std::string& help, const std::vector<double>& bounds,
                                    const MetricLabels& labels = {});
// Text exposition 0.0.4 of everything in the registry.
std::string ExposeText(const prometheus::Registry& registry);

}  // namespace slowburn::base

#endif  // SLOWBURN_BASE_METRICS_H_
