// Functions of one float: mathematics, and the fields of a time in UTC.
#ifndef SLOWBURN_QUERY_FUNCTIONS_FLOAT_FUNCTIONS_H_
#define SLOWBURN_QUERY_FUNCTIONS_FLOAT_FUNCTIONS_H_

#include "query/functions/function_table.h"

namespace slowburn::query {

using FloatFunction = double (*)(double);

// abs, sqrt, sin, deg, …; null for anything else.
FloatFunction FindFloatFunction(FunctionId id);
// hour, month, days_in_month, …: of seconds since the epoch; null for anything else.
FloatFunction FindTimeFunction(FunctionId id);

// To the nearest multiple; ties go up.
double RoundTo(double v, double inverse_of_multiple);

}  // namespace slowburn::query

#endif  // SLOWBURN_QUERY_FUNCTIONS_FLOAT_FUNCTIONS_H_
