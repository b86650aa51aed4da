#include "laneway/diag/metrics.h"

#include <algorithm>
#include <cmath>
#include <mutex>
#include <new>
#include <utility>
#include <variant>

namespace laneway {

std::string_view name(MetricKind kind) noexcept {
  switch (kind) {
    case MetricKind::counter: return "counter";
    case MetricKind::gauge: return "gauge";
    case MetricKind::histogram: return "histogram";
  }
  return "unknown";
}

std::uint64_t Histogram::middle_of(std::size_t part) noexcept {
  const std::size_t octave = part >> part_bits;
  const std::size_t shift = octave == 0 ? 0 : octave - 1;
  const std::uint64_t lowest = (part - (shift << part_bits)) << shift;
  return lowest + ((std::uint64_t{1} << shift) - 1) / 2;
}

std::uint64_t Histogram::copy(Parts& parts) const noexcept {
  std::uint64_t count = 0;
  for (std::size_t part = 0; part < part_count; ++part) {
    parts[part] = parts_[part].load(std::memory_order_relaxed);
    count += parts[part];
  }
  return count;
}

std::uint64_t Histogram::quantile_of(const Parts& parts, std::uint64_t count, double p) noexcept {
  if (count == 0) return 0;
  const double rank = std::ceil(std::clamp(p, 0.0, 1.0) * static_cast<double>(count));
  const std::uint64_t wanted = std::clamp<std::uint64_t>(static_cast<std::uint64_t>(rank), 1, count);
  std::uint64_t seen = 0;
  std::size_t part = 0;
  while ((seen += parts[part]) < wanted) ++part;
  return middle_of(part);
}

std::uint64_t Histogram::quantile(double p) const noexcept {
  Parts parts;
  const std::uint64_t count = copy(parts);
  return quantile_of(parts, count, p);
}

HistogramValues Histogram::values() const noexcept {
  Parts parts;
  const std::uint64_t count = copy(parts);
  return {.count = count,
          .sum = sum_.load(std::memory_order_relaxed),
          .p50 = quantile_of(parts, count, 0.5),
          .p90 = quantile_of(parts, count, 0.9),
          .p99 = quantile_of(parts, count, 0.99),
          .p999 = quantile_of(parts, count, 0.999)};
}

namespace {

using Instrument = std::variant<std::unique_ptr<Counter>, std::unique_ptr<Gauge>, std::unique_ptr<Histogram>>;

// Prometheus: [a-zA-Z_:][a-zA-Z0-9_:]*, labels without the colon.
bool valid_name(std::string_view name, bool colon) noexcept {
  const auto letter = [colon](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (colon && c == ':');
  };
  const auto allowed = [&](char c) { return letter(c) || (c >= '0' && c <= '9'); };
  return !name.empty() && letter(name.front()) && std::ranges::all_of(name, allowed);
}

Expected<> check(std::string_view name, MetricKind kind, const std::vector<MetricLabel>& labels) {
  if (!valid_name(name, true)) {
    return Error(ErrorCode::invalid_argument,
                 "metric '" + std::string(name) + "': wrong name: expected letters, digits, '_' and ':', no digit first");
  }
  for (std::size_t i = 0; i < labels.size(); ++i) {
    const std::string& label = labels[i].name;
    const auto same = [&](const MetricLabel& other) { return other.name == label; };
    if (!valid_name(label, false) || label.starts_with("__") || (kind == MetricKind::histogram && label == "quantile")) {
      return Error(ErrorCode::invalid_argument, "metric " + std::string(name) + ": wrong label '" + label +
                                                    "': expected letters, digits and '_', no digit first, no reserved name");
    }
    if (std::any_of(labels.begin(), labels.begin() + static_cast<std::ptrdiff_t>(i), same)) {
      return Error(ErrorCode::invalid_argument, "metric " + std::string(name) + ": label '" + label + "' is given twice");
    }
  }
  return {};
}

std::string escaped(std::string_view text, bool quotes) {
  std::string result;
  for (const char c : text) {
    if (c == '\\') result += "\\\\";
    else if (c == '\n') result += "\\n";
    else if (c == '"' && quotes) result += "\\\"";
    else result += c;
  }
  return result;
}

// "name{a="1",quantile="0.5"} 17\n"
void append_line(std::string& text, const std::string& name, std::vector<MetricLabel> labels, const std::string& value) {
  text += name;
  for (std::size_t i = 0; i < labels.size(); ++i) {
    text += (i == 0 ? "{" : ",") + labels[i].name + "=\"" + escaped(labels[i].value, true) + "\"";
  }
  text += (labels.empty() ? " " : "} ") + value + "\n";
}

void append_summary(std::string& text, const MetricSample& sample) {
  const HistogramValues& values = sample.histogram;
  const std::pair<const char*, std::uint64_t> quantiles[] = {
      {"0.5", values.p50}, {"0.9", values.p90}, {"0.99", values.p99}, {"0.999", values.p999}};
  for (const auto& [quantile, value] : quantiles) {
    std::vector<MetricLabel> labels = sample.labels;
    labels.push_back({"quantile", quantile});
    append_line(text, sample.name, std::move(labels), values.count == 0 ? "NaN" : std::to_string(value));
  }
  append_line(text, sample.name + "_sum", sample.labels, std::to_string(values.sum));
  append_line(text, sample.name + "_count", sample.labels, std::to_string(values.count));
}

}  // namespace

class LANEWAY_PRIVATE Metrics::Registry {
 public:
  template <class T>
  Expected<T*> find_or_make(MetricKind kind, std::string_view name, std::string_view help, std::vector<MetricLabel> labels) {
    LANEWAY_TRY(check(name, kind, labels));
    std::ranges::sort(labels, {}, &MetricLabel::name);
    const std::lock_guard lock(mutex_);
    LANEWAY_TRY_ASSIGN(Family* const family, find_or_make_family(kind, name, help));
    for (const Member& member : family->members) {
      if (member.labels == labels) return std::get<std::unique_ptr<T>>(member.instrument).get();
    }
    family->members.push_back({std::move(labels), std::make_unique<T>()});
    return std::get<std::unique_ptr<T>>(family->members.back().instrument).get();
  }

  std::vector<MetricSample> snapshot() const {
    const std::lock_guard lock(mutex_);
    std::vector<MetricSample> samples;
    for (const Family& family : families_) {
      for (const Member& member : family.members) samples.push_back(sample_of(family, member));
    }
    return samples;
  }

  std::string prometheus() const {
    const std::lock_guard lock(mutex_);
    std::string text;
    for (const Family& family : families_) {
      const bool summary = family.kind == MetricKind::histogram;
      text += "# HELP " + family.name + " " + escaped(family.help, false) + "\n";
      text += "# TYPE " + family.name + " " + (summary ? "summary" : std::string(laneway::name(family.kind))) + "\n";
      for (const Member& member : family.members) {
        const MetricSample sample = sample_of(family, member);
        if (summary) append_summary(text, sample);
        else append_line(text, sample.name, sample.labels, std::to_string(sample.value));
      }
    }
    return text;
  }

 private:
  struct Member {
    std::vector<MetricLabel> labels;
    Instrument instrument;
  };
  struct Family {
    std::string name;
    std::string help;
    MetricKind kind;
    std::vector<Member> members;
  };

  Expected<Family*> find_or_make_family(MetricKind kind, std::string_view name, std::string_view help) {
    for (Family& family : families_) {
      if (family.name != name) continue;
      if (family.kind == kind) return &family;
      return Error(ErrorCode::failed_precondition, "metric " + family.name + ": the name is taken: expected a " +
                                                       std::string(laneway::name(family.kind)) + ", got a " +
                                                       std::string(laneway::name(kind)));
    }
    families_.push_back({std::string(name), std::string(help), kind, {}});
    return &families_.back();
  }

  static MetricSample sample_of(const Family& family, const Member& member) {
    MetricSample sample{.name = family.name, .labels = member.labels, .kind = family.kind};
    if (const auto* counter = std::get_if<std::unique_ptr<Counter>>(&member.instrument)) {
      sample.value = static_cast<std::int64_t>((*counter)->value());
    } else if (const auto* gauge = std::get_if<std::unique_ptr<Gauge>>(&member.instrument)) {
      sample.value = (*gauge)->value();
    } else {
      sample.histogram = std::get<std::unique_ptr<Histogram>>(member.instrument)->values();
    }
    return sample;
  }

  mutable std::mutex mutex_;
  std::vector<Family> families_;
};

Metrics::Metrics() : registry_(std::make_unique<Registry>()) {}
Metrics::~Metrics() = default;

Expected<Counter*> Metrics::counter(std::string_view name, std::string_view help, std::vector<MetricLabel> labels) try {
  return registry_->find_or_make<Counter>(MetricKind::counter, name, help, std::move(labels));
} catch (const std::bad_alloc&) { return Error::out_of_memory(); }

Expected<Gauge*> Metrics::gauge(std::string_view name, std::string_view help, std::vector<MetricLabel> labels) try {
  return registry_->find_or_make<Gauge>(MetricKind::gauge, name, help, std::move(labels));
} catch (const std::bad_alloc&) { return Error::out_of_memory(); }

Expected<Histogram*> Metrics::histogram(std::string_view name, std::string_view help, std::vector<MetricLabel> labels) try {
  return registry_->find_or_make<Histogram>(MetricKind::histogram, name, help, std::move(labels));
} catch (const std::bad_alloc&) { return Error::out_of_memory(); }

std::vector<MetricSample> Metrics::snapshot() const { return registry_->snapshot(); }
std::string Metrics::prometheus() const { return registry_->prometheus(); }

}  // namespace laneway
