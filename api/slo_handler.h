// /api/slo/v1: SLOs as JSON.
//
//   GET slos[?time=]                      {"slos":[…]}
//   GET slos/:id[?time=]                  one of them
//   GET slos/:id/history?start&end&step   {"step","burn_window","times":[…],"good":[…],"bad":[…],
//                                         "remaining_ratio":[…],"burn_rate":[…]}; good and bad of
//                                         each step, the rest judged at its end
//
// Times are Unix seconds or RFC 3339; steps seconds or durations. A time is moved up to the next
// multiple of ten seconds, the grid of the ledger: `from` and `to` say which samples were counted,
// from < t <= to. With `time`, everything is what the ledger says of that moment; without it,
// alerts are what they are now. Counts are written in whole digits where they are whole.
// Threads: thread-safe. Lifetimes: manager and clock outlive the router.
#ifndef SLOWBURN_API_SLO_HANDLER_H_
#define SLOWBURN_API_SLO_HANDLER_H_

#include "api/http.h"
#include "base/clock.h"
#include "slo/slo_manager.h"

namespace slowburn::api {

void RegisterSloApi(Router& router, const slo::SloManager& manager, const base::Clock& clock);

}  // namespace slowburn::api

#endif  // SLOWBURN_API_SLO_HANDLER_H_
