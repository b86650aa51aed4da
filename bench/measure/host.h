#pragma once

namespace laneway::bench {

/// What one core of this machine can do, measured here and now: the yardsticks for how good a figure is.
struct HostSpeed {
  double fma_gmacs_per_s = 0;  ///< Multiply-adds of f32 in registers, in the widest vectors there are.
  double memory_gb_per_s = 0;  ///< Reading 256 MiB from one end to the other.
};

/// Takes some 0.3 s.
HostSpeed measure_host();

}  // namespace laneway::bench
