#include "runtime/capacities.h"

#include <algorithm>
#include <bit>
#include <limits>

#include "laneway/core/checked.h"

namespace laneway {
namespace {

Error wrong(const std::string& where, std::string problem) {
  return Error(ErrorCode::invalid_argument, where + ": " + std::move(problem));
}

// The greatest power of two an extent can have.
constexpr std::int64_t top_step = std::int64_t{1} << 62;

std::int64_t power_of_two_from(std::int64_t extent) noexcept {
  return static_cast<std::int64_t>(std::bit_ceil(static_cast<std::uint64_t>(extent)));
}

Expected<> check(const Ladder& ladder) {
  const std::string where = "buckets.ladders: " + ladder.dimension;
  if (ladder.from < 1) return wrong(where, "ladder starts too low: expected from >= 1, got " + std::to_string(ladder.from));
  if (ladder.to < ladder.from) {
    return wrong(where,
                 "ladder upside down: expected to >= " + std::to_string(ladder.from) + ", got " + std::to_string(ladder.to));
  }
  if (ladder.to > top_step) return wrong(where, "ladder overflows: expected to <= " + std::to_string(top_step));
  return {};
}

Expected<> check(const Ranges& ranges) {
  const std::string where = "buckets.ranges: " + ranges.dimension;
  if (ranges.ranges.empty()) return wrong(where, "empty list: expected at least one range");
  std::vector<Range> sorted = ranges.ranges;
  std::ranges::sort(sorted, {}, &Range::from);
  const auto text = [](const Range& r) { return "[" + std::to_string(r.from) + ", " + std::to_string(r.to) + ")"; };
  for (std::size_t i = 0; i < sorted.size(); ++i) {
    if (sorted[i].from < 0) return wrong(where, "negative range: expected from >= 0, got " + text(sorted[i]));
    if (sorted[i].to <= sorted[i].from) return wrong(where, "empty range: expected to > from, got " + text(sorted[i]));
    if (i > 0 && sorted[i].from < sorted[i - 1].to)
      return wrong(where, "ranges overlap: " + text(sorted[i - 1]) + " and " + text(sorted[i]));
  }
  return {};
}

}  // namespace

void Capacities::validate(const BucketSpec& spec, Problems& problems) {
  std::vector<std::string> seen;
  const auto once = [&](const std::string& dimension) {
    if (dimension.empty()) problems.add(wrong("buckets", "a ladder or range without a dimension: expected its name"));
    if (std::ranges::find(seen, dimension) != seen.end())
      problems.add(wrong("buckets: " + dimension, "two rules: expected one ladder or range list"));
    seen.push_back(dimension);
  };
  for (const Ladder& ladder : spec.ladders) {
    once(ladder.dimension);
    if (auto result = check(ladder); !result) problems.add(std::move(result).error());
  }
  for (const Ranges& ranges : spec.ranges) {
    once(ranges.dimension);
    if (auto result = check(ranges); !result) problems.add(std::move(result).error());
  }
}

std::vector<Capacities::Step> Capacities::steps_of(const Ladder& ladder) {
  std::vector<Step> steps;
  std::int64_t from = 1;
  for (std::int64_t capacity = power_of_two_from(ladder.from);; capacity *= 2) {
    if (ladder.cap && capacity >= ladder.to) {
      steps.push_back({from, ladder.to, ladder.to});
      return steps;
    }
    steps.push_back({from, capacity, capacity});
    if (capacity >= ladder.to) return steps;
    from = capacity + 1;
  }
}

std::vector<Capacities::Step> Capacities::steps_of(const Ranges& ranges) {
  std::vector<Step> steps;
  for (const Range& range : ranges.ranges) steps.push_back({range.from, range.to - 1, range.to - 1});
  std::ranges::sort(steps, {}, &Step::from);
  return steps;
}

Expected<Capacities> Capacities::of(const BucketSpec& spec, const Dimensions& dimensions) {
  Capacities result = exact(dimensions);
  result.beyond_ = spec.beyond;
  const auto place = [&](const std::string& dimension, std::vector<Step> steps) -> Expected<> {
    const auto index = dimensions.find(dimension);
    if (!index) {
      std::string known;
      for (const std::string& name : dimensions.names()) known += (known.empty() ? "" : ", ") + name;
      return Error(ErrorCode::not_found, "buckets: " + dimension + ": no dimension of this name varies: expected one of: " +
                                             (known.empty() ? "none" : known));
    }
    result.rules_[*index].steps = std::move(steps);
    return {};
  };
  for (const Ladder& ladder : spec.ladders) LANEWAY_TRY(place(ladder.dimension, steps_of(ladder)));
  for (const Ranges& ranges : spec.ranges) LANEWAY_TRY(place(ranges.dimension, steps_of(ranges)));
  return result;
}

Capacities Capacities::exact(const Dimensions& dimensions) {
  Capacities result;
  for (const std::string& name : dimensions.names()) result.rules_.push_back({name, {}});
  return result;
}

Expected<> Capacities::serve(const Extents& extents, Extents& capacity) const {
  capacity.count = extents.count;
  for (std::size_t i = 0; i < extents.count; ++i) capacity.values[i] = extents.values[i];
  for (std::size_t i = 0; i < rules_.size(); ++i) {
    const std::vector<Step>& steps = rules_[i].steps;
    if (steps.empty()) continue;
    const std::int64_t extent = extents.values[i];
    const auto step = std::ranges::find_if(steps, [extent](const Step& s) { return extent <= s.to; });
    if (step != steps.end() && extent >= step->from) {
      capacity.values[i] = step->capacity;
    } else if (beyond_ == Beyond::exact) {
      capacity = extents;
      return {};
    } else {
      return beyond(rules_[i], extent);
    }
  }
  return {};
}

Error Capacities::beyond(const Rule& rule, std::int64_t extent) {
  std::string covered;
  for (const Step& s : rule.steps) {
    covered += (covered.empty() ? "" : ", ") + std::to_string(s.from) + ".." + std::to_string(s.to);
  }
  return Error(ErrorCode::out_of_range, "dimension " + rule.dimension + ": beyond the capacities: expected one of " + covered +
                                            ", got " + std::to_string(extent));
}

}  // namespace laneway
