#pragma once
#include <vector>

#include "laneway/runtime/spec.h"
#include "runtime/dimensions.h"
#include "runtime/problems.h"

namespace laneway {

/// Which capacity serves which extents: ladders and ranges of a BucketSpec, made one thing.
class Capacities {
 public:
  Capacities() = default;

  /// What is wrong with the ladders and ranges in themselves, whatever the model.
  static void validate(const BucketSpec& spec, Problems& problems);
  /// Of a valid spec. Errors: not_found (a ladder for a dimension that does not vary).
  static Expected<Capacities> of(const BucketSpec& spec, const Dimensions& dimensions);
  /// Every shape its own: for engines that cannot resize.
  static Capacities exact(const Dimensions& dimensions);

  /// Errors: out_of_range naming the dimension and what is covered. Allocates on errors only.
  Expected<> serve(const Extents& extents, Extents& capacity) const;

 private:
  struct Step {
    std::int64_t from, to, capacity;  // extents from..to, both included
  };
  struct Rule {
    std::string dimension;
    std::vector<Step> steps;  // ascending; none: its own capacity
  };

  static Error beyond(const Rule& rule, std::int64_t extent);
  static std::vector<Step> steps_of(const Ladder& ladder);
  static std::vector<Step> steps_of(const Ranges& ranges);

  std::vector<Rule> rules_;
  Beyond beyond_ = Beyond::error;
};

}  // namespace laneway
