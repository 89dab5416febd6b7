#include "base/metrics.h"

#include <gtest/gtest.h>

#include <string>

#include "base/version.h"

namespace slowburn::base {
namespace {

TEST(Metrics, TheSameNameAndLabelsAreTheSameObject) {
  prometheus::Registry registry;
  prometheus::Counter& a = AddCounter(registry, "x_total", "Xs.", {{"l", "1"}});
  prometheus::Counter& b = AddCounter(registry, "x_total", "Xs.", {{"l", "1"}});
  prometheus::Counter& c = AddCounter(registry, "x_total", "Xs.", {{"l", "2"}});
  EXPECT_EQ(&a, &b);
  EXPECT_NE(&a, &c);
  EXPECT_EQ(&AddGauge(registry, "g", "G."), &AddGauge(registry, "g", "G."));
  EXPECT_EQ(&AddHistogram(registry, "h", "H.", {1, 2}), &AddHistogram(registry, "h", "H.", {1, 2}));
}

TEST(Metrics, ExposesTheTextFormat) {
  prometheus::Registry registry;
  AddCounter(registry, "requests_total", "Requests \\ with\nlines.",
             {{"path", "a\"b\\c\nd"}, {"code", "200"}})
      .Increment(1234567);
  AddGauge(registry, "a_gauge", "A.").Set(0.1);
  prometheus::Histogram& h =
      AddHistogram(registry, "latency_seconds", "L.", {0.5, 2.5}, {{"k", "v"}});
  h.Observe(0.1);
  h.Observe(1);
  h.Observe(10);
  EXPECT_EQ(ExposeText(registry),
            "# HELP a_gauge A.\n"
            "# TYPE a_gauge gauge\n"
            "a_gauge 0.1\n"
            "# HELP latency_seconds L.\n"
            "# TYPE latency_seconds histogram\n"
            "latency_seconds_bucket{k=\"v\",le=\"0.5\"} 1\n"
            "latency_seconds_bucket{k=\"v\",le=\"2.5\"} 2\n"
            "latency_seconds_bucket{k=\"v\",le=\"+Inf\"} 3\n"
            "latency_seconds_sum{k=\"v\"} 11.1\n"
            "latency_seconds_count{k=\"v\"} 3\n"
            "# HELP requests_total Requests \\\\ with\\nlines.\n"
            "# TYPE requests_total counter\n"
            "requests_total{code=\"200\",path=\"a\\\"b\\\\c\\nd\"} 1.234567e+06\n");
}

TEST(Version, IsSet) {
  EXPECT_NE(std::string(kVersion), "");
  EXPECT_NE(std::string(kRevision), "");
  EXPECT_NE(std::string(kCompiler).find('+'), std::string::npos);
}

}  // namespace
}  // namespace slowburn::base
