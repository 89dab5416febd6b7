#include "notify/notifier.h"

#include "base/status_macros.h"
#include "notify/dispatcher.h"

namespace slowburn::notify {

Notifier::Notifier(std::shared_ptr<Dispatcher> dispatcher) : dispatcher_(std::move(dispatcher)) {}

absl::StatusOr<std::unique_ptr<Notifier>> Notifier::Create(Deps deps, ConfigPtr config) {
  auto dispatcher = std::make_shared<Dispatcher>(std::move(deps));
  std::unique_ptr<Notifier> notifier(new Notifier(dispatcher));
  RETURN_IF_ERROR(
      base::Annotate(dispatcher->Start(std::move(config)), "loading the notification state"));
  return notifier;
}

Notifier::~Notifier() { dispatcher_->Stop(); }

void Notifier::ApplyConfig(ConfigPtr config) { dispatcher_->ApplyConfig(std::move(config)); }
void Notifier::ReportBadConfig() { dispatcher_->ReportBadConfig(); }
ConfigPtr Notifier::config() const { return dispatcher_->config(); }
absl::Status Notifier::Send(std::vector<rules::Alert> alerts) {
  return dispatcher_->Send(std::move(alerts));
}
std::vector<AlertView> Notifier::Alerts(const AlertFilter& filter) const {
  return dispatcher_->Alerts(filter);
}
std::vector<GroupView> Notifier::Groups(const AlertFilter& filter) const {
  return dispatcher_->Groups(filter);
}
absl::StatusOr<std::string> Notifier::SetSilence(Silence silence) {
  return dispatcher_->SetSilence(std::move(silence));
}
absl::Status Notifier::ExpireSilence(const std::string& id) {
  return dispatcher_->ExpireSilence(id);
}
std::optional<Silence> Notifier::FindSilence(const std::string& id) const {
  return dispatcher_->FindSilence(id);
}
std::vector<Silence> Notifier::AllSilences() const { return dispatcher_->AllSilences(); }
std::vector<DeliveryRow> Notifier::Deliveries(size_t limit, std::string_view receiver) const {
  return dispatcher_->Deliveries(limit, receiver);
}
base::TimestampMs Notifier::started_at() const { return dispatcher_->started_at(); }
base::TimestampMs Notifier::Now() const { return dispatcher_->Now(); }
void Notifier::UpdateMetrics() { dispatcher_->UpdateMetrics(); }
void Notifier::Drain(base::DurationMs at_most) { dispatcher_->Drain(at_most); }

}  // namespace slowburn::notify
