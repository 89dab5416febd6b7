#include "app/shop.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "base/number.h"

namespace slowburn::app {
namespace {

using base::kHour;
using base::kMinute;
using base::kSecond;
using base::TimestampMs;

constexpr std::array kBounds = {0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5};

struct Incident {
  base::DurationMs before_live, length;
  std::string_view service;
  double error_ratio;
};
// A bad deploy, a slow database, a flaky dependency: together about a quarter of checkout's budget
// for the day.
constexpr std::array<Incident, 4> kPast = {
    {{19 * kHour, 4 * kMinute, "checkout", 0.04},
     {11 * kHour + 20 * kMinute, 6 * kMinute, "search", 0.02},
     {8 * kHour, 9 * kMinute, "checkout", 0.012},
     {3 * kHour + 40 * kMinute, 3 * kMinute, "catalog", 0.05}}};

// Live: the first burst is strong enough to trip the fast tier within a minute, later ones keep it
// interesting.
constexpr base::DurationMs kFirstBurst = 8 * kSecond, kFirstBurstLength = 60 * kSecond;
constexpr base::DurationMs kBurstEvery = 9 * kMinute, kBurstLength = 20 * kSecond;

bool InFirstBurst(base::DurationMs live) {
  return live >= kFirstBurst && live < kFirstBurst + kFirstBurstLength;
}
bool InLaterBurst(base::DurationMs live) {
  return live >= kBurstEvery && live % kBurstEvery < kBurstLength;
}

}  // namespace

Shop::Shop(TimestampMs begin, TimestampMs live_at) : live_at_(live_at), now_(begin) {
  const auto add = [&](std::string_view service, std::string_view method, std::string_view path,
                       double rate, double errors, double latency) {
    Route route;
    route.service = service, route.method = method, route.path = path;
    route.rate = rate, route.error_ratio = errors, route.latency = latency;
    route.buckets.resize(kBounds.size() + 1);
    routes_.push_back(std::move(route));
  };
  add("checkout", "POST", "/cart", 40, 0.0001, 0.03);
  add("checkout", "POST", "/pay", 20, 0.0001, 0.12);
  add("catalog", "GET", "/products", 90, 0.0012, 0.02);
  add("catalog", "GET", "/product/:id", 140, 0.0010, 0.015);
  add("search", "GET", "/search", 70, 0.0003, 0.06);
  add("search", "GET", "/suggest", 110, 0.0002, 0.008);
}

// Highest at noon of the demo's day, lowest now: it is night in the shop, so a small burst is a
// large share of the hour.
double Shop::Traffic(TimestampMs t) const {
  const double hours = double(t - live_at_) / double(kHour);
  return 1.0 - 0.75 * std::cos(2 * 3.14159265358979323846 * hours / 24.0);
}

double Shop::ErrorRatio(const Route& route, TimestampMs t) const {
  double ratio = route.error_ratio;
  for (const Incident& incident : kPast) {
    const TimestampMs start = live_at_ - incident.before_live;
    if (route.service == incident.service && t >= start && t < start + incident.length) {
      ratio = std::max(ratio, incident.error_ratio);
    }
  }
  if (route.service == "checkout") {
    if (InFirstBurst(t - live_at_)) ratio = 0.7;
    if (InLaterBurst(t - live_at_)) ratio = 0.35;
  }
  return ratio;
}

double Shop::Surge(TimestampMs t) const { return InFirstBurst(t - live_at_) ? 2.0 : 1.0; }

void Shop::AdvanceTo(TimestampMs t) {
  // Small steps, so that the start and end of an incident fall where they should.
  while (now_ < t) {
    const TimestampMs next = std::min(t, now_ + 5 * kSecond);
    Step(now_, double(next - now_) / double(kSecond));
    now_ = next;
  }
}

void Shop::Step(TimestampMs t, double seconds) {
  std::uniform_real_distribution<double> noise(0.85, 1.15);
  for (Route& route : routes_) {
    const double surge = route.service == "checkout" ? Surge(t) : 1.0;
    const double requests = route.rate * Traffic(t) * surge * seconds * noise(random_);
    route.expected_errors += requests * ErrorRatio(route, t);
    route.expected += requests * (1 - ErrorRatio(route, t));
    const auto errors = uint64_t(route.expected_errors);
    const auto ok = uint64_t(route.expected);
    route.expected_errors -= double(errors), route.expected -= double(ok);
    route.errors += errors, route.ok += ok;
    CountLatency(route, ok + errors);
  }
}

// A log-normal around the route's median, dealt out by its quantiles rather than request by
// request.
void Shop::CountLatency(Route& route, uint64_t requests) {
  constexpr double kSigma = 0.8;
  double below = 0;
  uint64_t dealt = 0;
  for (size_t i = 0; i < route.buckets.size(); ++i) {
    const double until =
        i < kBounds.size()
            ? 0.5 * std::erfc(-std::log(kBounds[i] / route.latency) / (kSigma * std::sqrt(2.0)))
            : 1.0;
    const uint64_t n = i + 1 == route.buckets.size()
                           ? requests - dealt
                           : uint64_t((until - below) * double(requests) + 0.5);
    const uint64_t taken = std::min(n, requests - dealt);
    route.buckets[i] += taken;
    dealt += taken;
    below = until;
  }
  route.latency_sum += double(requests) * route.latency * std::exp(kSigma * kSigma / 2);
}

void Shop::Visit(const std::function<void(const tsdb::Labels&, double)>& visit) const {
  for (const Route& route : routes_) {
    const auto labels = [&](std::string_view name, std::string_view extra, std::string_view value) {
      return tsdb::Labels{{tsdb::kMetricName, name},
                          {"service", route.service},
                          {"method", route.method},
                          {"route", route.path},
                          {extra, value}};
    };
    visit(labels("http_requests_total", "code", "200"), double(route.ok));
    visit(labels("http_requests_total", "code", "503"), double(route.errors));
    uint64_t cumulative = 0;
    for (size_t i = 0; i < route.buckets.size(); ++i) {
      cumulative += route.buckets[i];
      const std::string bound = i < kBounds.size() ? base::FormatFloat(kBounds[i]) : "+Inf";
      visit(labels("http_request_duration_seconds_bucket", "le", bound == "1" ? "1.0" : bound),
            double(cumulative));
    }
    visit(labels("http_request_duration_seconds_sum", "", ""), route.latency_sum);
    visit(labels("http_request_duration_seconds_count", "", ""), double(cumulative));
    visit(labels("http_requests_in_flight", "", ""),
          std::floor(route.rate * Traffic(now_) * route.latency * 3) + double(route.ok % 3));
  }
}

std::string Shop::Expose() const {
  // One family's lines must stand together, and a family is spread over the routes.
  struct Family {
    std::string_view name, type, help;
    std::string lines;
  };
  std::array<Family, 3> families = {
      {{"http_requests_total", "counter", "Requests answered.", ""},
       {"http_request_duration_seconds", "histogram", "Time to answer.", ""},
       {"http_requests_in_flight", "gauge", "Requests being answered.", ""}}};
  Visit([&](const tsdb::Labels& labels, double value) {
    const std::string line = absl::StrCat(labels.ToString(), " ", base::FormatFloat(value), "\n");
    for (Family& family : families) {
      if (labels.metric_name().starts_with(family.name)) family.lines += line;
    }
  });
  std::string out;
  for (const Family& family : families) {
    for (const std::string_view part :
         {std::string_view("# HELP "), family.name, std::string_view(" "), family.help,
          std::string_view("\n# TYPE "), family.name, std::string_view(" "), family.type,
          std::string_view("\n"), std::string_view(family.lines)}) {
      out += part;
    }
  }
  return out;
}

}  // namespace slowburn::app
