#pragma once
#include <atomic>

/// What the provider of the tests has and did, for the tests to look at: they find it by dlsym("laneway_test_counts").
struct LanewayTestCounts {
  std::atomic<int> factories = 0, providers = 0, allocators = 0, transfers = 0, streams = 0, notifications = 0,
                   imports = 0;      ///< There now.
  std::atomic<int> allocations = 0;  ///< There now.
  std::atomic<int> streams_made = 0, notified = 0, waits = 0, to_device = 0, to_host = 0, on_device = 0, computed = 0,
                   flushes = 0, runs_synchronised = 0, synchronised = 0;  ///< Ever.
  std::atomic<void*> computed_on = nullptr;  ///< The handle of the stream that the last node was given.
  std::atomic<int> computed_by[2] = {0, 0};  ///< Nodes, ever, by the number of the device.
  std::atomic<int> devices = 1;              ///< How many it lists when it is registered next, 2 at most. Set by the tests.
};
extern "C" LanewayTestCounts laneway_test_counts;
