"""Every route of the API: verb, path, what answers it, and what it asks of its caller."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Container, Sequence
from functools import cache
from typing import NamedTuple

from starlette.responses import Response
from starlette.routing import compile_path

from tidings.api import (
    accounts,
    analytics,
    authentication,
    bulk,
    bulk_request,
    bulk_rows,
    bulk_upload,
    clones,
    configuration,
    definitions,
    deliveries,
    docs,
    docs_page,
    element_instances,
    element_metadata,
    element_parts,
    elements,
    events,
    first_run,
    granting,
    health,
    held,
    hints,
    hub,
    hub_writes,
    hubs,
    ingest,
    instances,
    jobs,
    metrics,
    notices,
    notifications,
    oauth,
    object_fields,
    objects,
    organizations,
    polling,
    replay,
    settings,
    stream,
    subscriptions,
    usage,
    users,
    validation,
)
from tidings.api.authorization import Scope
from tidings.api.explain import explain
from tidings.core.model import JSON
from tidings.core.multipart import MULTIPART

BASE = "/elements/api-v2"


class Route(NamedTuple):
    """One row; its documentation is the handler's docstring."""

    method: str
    path: str
    handler: Callable[..., Awaitable[Response]]
    scope: Scope
    bodies: tuple[str, ...] = (JSON,)  #: the types of the bodies that it takes


# The platform's base path stands in front of each of these. `{instance_id}` names an instance of the caller's account;
# the same path without it takes the instance from the Element token.
PLATFORM = (
    Route("POST", "/authentication", authentication.log_in, Scope.OPEN),
    Route("PUT", "/authentication/password", authentication.change_password, Scope.OPEN),
    Route("GET", "/authentication/secrets", authentication.show_secrets, Scope.BEARER),
    #
    Route("GET", "/elements", elements.list_elements, Scope.USER),
    Route("GET", "/elements/keys", elements.list_keys, Scope.USER),
    Route("POST", "/elements", elements.create, Scope.USER),
    Route("GET", "/elements/metadata", element_metadata.list_metadata, Scope.USER),
    Route("GET", "/catalog-properties", element_metadata.list_properties, Scope.USER),
    Route("GET", "/elements/{element}", elements.read_element, Scope.USER),
    Route("PUT", "/elements/{element}", clones.put, Scope.USER),
    Route("DELETE", "/elements/{element}", clones.delete, Scope.USER),
    Route("POST", "/elements/{element}/clone", clones.clone, Scope.USER),
    Route("PUT", "/elements/{element}/active", clones.activate, Scope.USER),
    Route("DELETE", "/elements/{element}/active", clones.deactivate, Scope.USER),
    Route("GET", "/elements/{element}/export", elements.export, Scope.USER),
    Route("GET", "/elements/{element}/metadata", element_metadata.read_metadata, Scope.USER),
    Route("GET", "/elements/{element}/configuration", element_parts.list_configuration, Scope.USER),
    Route("GET", "/elements/{element}/configuration/{configuration_key}", element_parts.read_configuration, Scope.USER),
    Route("GET", "/elements/{element}/resources", element_parts.list_resources, Scope.USER),
    Route("GET", "/elements/{element}/resources/{resource_id:int}", element_parts.read_resource, Scope.USER),
    Route(
        "GET",
        "/elements/{element}/resources/{resource_id:int}/parameters",
        element_parts.list_resource_parameters,
        Scope.USER,
    ),
    Route(
        "GET", "/elements/{element}/resources/{resource_id:int}/hooks", element_parts.list_resource_hooks, Scope.USER
    ),
    Route("GET", "/elements/{element}/parameters", element_parts.list_parameters, Scope.USER),
    Route("GET", "/elements/{element}/hooks", element_parts.list_hooks, Scope.USER),
    Route("GET", "/elements/{element}/models", element_parts.list_models, Scope.USER),
    Route("GET", "/elements/{element}/transformations", element_parts.read_transformations, Scope.USER),
    Route("GET", "/elements/{element}/oauth/url", oauth.read_url, Scope.USER),
    Route("POST", "/elements/{element}/oauth/url", oauth.make_url, Scope.USER),
    Route("GET", "/elements/{element}/instances", instances.list_of_element, Scope.USER),
    Route("POST", "/elements/{element}/instances", instances.create_for_element, Scope.USER),
    Route("GET", "/elements/{element}/instances/{instance_id:int}", element_instances.read, Scope.USER),
    Route("PUT", "/elements/{element}/instances/{instance_id:int}", element_instances.put, Scope.USER),
    Route("PATCH", "/elements/{element}/instances/{instance_id:int}", element_instances.patch, Scope.USER),
    Route("DELETE", "/elements/{element}/instances/{instance_id:int}", element_instances.delete, Scope.USER),
    #
    Route("GET", "/hubs", hubs.list_hubs, Scope.USER),
    Route("GET", "/hubs/keys", hubs.list_keys, Scope.USER),
    Route("GET", "/hubs/{hub}", hubs.read_hub, Scope.USER),
    Route("GET", "/hubs/{hub}/elements", hubs.list_elements, Scope.USER),
    #
    # What can be asked, as Swagger 2.0.
    Route("GET", "/elements/{element}/docs", docs.read_element, Scope.USER),
    Route("GET", "/elements/{element}/lbdocs", docs.read_element_again, Scope.USER),
    Route("GET", "/docs/{hub}", docs.read_hub, Scope.USER),
    Route("GET", "/instances/docs", docs.read_instance, Scope.ELEMENT),
    Route("GET", "/instances/docs/{operation_id}", docs.read_operation, Scope.ELEMENT),
    Route("GET", "/instances/docs/{operation_id}/definitions", docs.read_definitions, Scope.ELEMENT),
    Route("GET", "/instances/{instance_id:int}/docs", docs.read_instance, Scope.USER),
    Route("GET", "/instances/{instance_id:int}/docs/{operation_id}", docs.read_operation, Scope.USER),
    Route("GET", "/instances/{instance_id:int}/docs/{operation_id}/definitions", docs.read_definitions, Scope.USER),
    Route("GET", "/objects/{object_name}/docs", docs.read_object, Scope.HUB),
    Route("GET", "/hubs/{hub}/objects/{object_name}/docs", docs.read_object_of_hub, Scope.HUB),
    Route("GET", "/docs-ui", docs_page.show, Scope.OPEN),
    Route("GET", "/docs-ui/{asset}", docs_page.read_asset, Scope.OPEN),
    #
    Route("POST", "/instances", instances.create, Scope.USER),
    Route("GET", "/instances", instances.list_all, Scope.USER),
    Route("PUT", "/instances", instances.put, Scope.ELEMENT),
    Route("PATCH", "/instances", instances.patch, Scope.ELEMENT),
    Route("DELETE", "/instances", instances.delete, Scope.ELEMENT),
    Route("GET", "/instances/count", instances.count, Scope.USER),
    Route("GET", "/instances/validate", validation.validate, Scope.ELEMENT),
    Route("GET", "/instances/{instance_id:int}/validate", validation.validate, Scope.USER),
    Route("GET", "/instances/{instance_id:int}", instances.read, Scope.USER),
    Route("PUT", "/instances/{instance_id:int}", instances.put, Scope.USER),
    Route("PATCH", "/instances/{instance_id:int}", instances.patch, Scope.USER),
    Route("DELETE", "/instances/{instance_id:int}", instances.delete, Scope.USER),
    Route("PUT", "/instances/enabled", instances.enable, Scope.ELEMENT),
    Route("DELETE", "/instances/enabled", instances.disable, Scope.ELEMENT),
    Route("PUT", "/instances/{instance_id:int}/enabled", instances.enable, Scope.USER),
    Route("DELETE", "/instances/{instance_id:int}/enabled", instances.disable, Scope.USER),
    #
    Route("GET", "/instances/configuration", configuration.list_entries, Scope.ELEMENT),
    Route("GET", "/instances/configuration/{configuration_id:int}", configuration.read_entry, Scope.ELEMENT),
    Route("PATCH", "/instances/configuration/{configuration_id:int}", configuration.patch_entry, Scope.ELEMENT),
    Route("GET", "/instances/{instance_id:int}/configuration", configuration.list_entries, Scope.USER),
    Route(
        "GET", "/instances/{instance_id:int}/configuration/{configuration_id:int}", configuration.read_entry, Scope.USER
    ),
    Route(
        "PATCH",
        "/instances/{instance_id:int}/configuration/{configuration_id:int}",
        configuration.patch_entry,
        Scope.USER,
    ),
    #
    Route("GET", "/instances/events", events.list_events, Scope.ELEMENT),
    Route("GET", "/instances/events/feed", events.feed, Scope.ELEMENT),
    Route("GET", "/instances/events/dispositions", analytics.list_dispositions, Scope.USER),
    Route("GET", "/instances/events/analytics", analytics.count, Scope.USER),
    Route("GET", "/instances/events/analytics/instances", analytics.count_by_instance, Scope.USER),
    Route("GET", "/instances/events/analytics/accounts", analytics.count_by_account, Scope.USER),
    Route("GET", "/instances/events/stream", stream.stream, Scope.ELEMENT),
    Route("POST", "/instances/events/replay", replay.create, Scope.ELEMENT),
    Route("GET", "/instances/events/replay", replay.list_all, Scope.ELEMENT),
    Route("GET", "/instances/events/replay/{replay_id:int}", replay.read, Scope.ELEMENT),
    Route("DELETE", "/instances/events/replay/{replay_id:int}", replay.stop, Scope.ELEMENT),
    Route("GET", "/instances/events/{event_id}", events.read_event, Scope.ELEMENT),
    Route("GET", "/instances/{instance_id:int}/events", events.list_events, Scope.USER),
    Route("GET", "/instances/{instance_id:int}/events/feed", events.feed, Scope.USER),
    Route("GET", "/instances/{instance_id:int}/events/stream", stream.stream, Scope.USER),
    Route("POST", "/instances/{instance_id:int}/events/replay", replay.create, Scope.USER),
    Route("GET", "/instances/{instance_id:int}/events/replay", replay.list_all, Scope.USER),
    Route("GET", "/instances/{instance_id:int}/events/replay/{replay_id:int}", replay.read, Scope.USER),
    Route("DELETE", "/instances/{instance_id:int}/events/replay/{replay_id:int}", replay.stop, Scope.USER),
    Route("GET", "/instances/{instance_id:int}/events/{event_id}", events.read_event, Scope.USER),
    #
    Route("GET", "/instances/explain", explain, Scope.ELEMENT),
    Route("GET", "/instances/{instance_id:int}/explain", explain, Scope.USER),
    #
    Route("GET", "/instances/event-poller-records", polling.list_records, Scope.ELEMENT),
    Route("GET", "/instances/polling-disabled", polling.list_disabled, Scope.USER),
    Route("PUT", "/instances/polling/enabled", polling.enable, Scope.ELEMENT),
    Route("POST", "/instances/poll", polling.poll_now, Scope.ELEMENT),
    Route("POST", "/instances/audit", polling.audit, Scope.ELEMENT),
    Route("GET", "/instances/polling/first-run", first_run.estimate, Scope.ELEMENT),
    Route("GET", "/instances/polling/held", held.list_held, Scope.ELEMENT),
    Route("PUT", "/instances/polling/held/{resource:path}", held.release, Scope.ELEMENT),
    Route("DELETE", "/instances/polling/held/{resource:path}", held.refuse, Scope.ELEMENT),
    Route("GET", "/instances/{instance_id:int}/event-poller-records", polling.list_records, Scope.USER),
    Route("PUT", "/instances/{instance_id:int}/polling/enabled", polling.enable, Scope.USER),
    Route("POST", "/instances/{instance_id:int}/poll", polling.poll_now, Scope.USER),
    Route("POST", "/instances/{instance_id:int}/audit", polling.audit, Scope.USER),
    Route("GET", "/instances/{instance_id:int}/polling/first-run", first_run.estimate, Scope.USER),
    Route("GET", "/instances/{instance_id:int}/polling/held", held.list_held, Scope.USER),
    Route("PUT", "/instances/{instance_id:int}/polling/held/{resource:path}", held.release, Scope.USER),
    Route("DELETE", "/instances/{instance_id:int}/polling/held/{resource:path}", held.refuse, Scope.USER),
    #
    Route("POST", "/hints/{instance}", hints.take, Scope.OPEN),
    #
    # Providers know neither our secrets nor our form of a body.
    Route("POST", "/events/{element_key}", ingest.take, Scope.OPEN, ingest.BODIES),
    Route("GET", "/events/{element_key}", ingest.take, Scope.OPEN, ingest.BODIES),
    Route("POST", "/events/{element_key}/{instance}", ingest.take_for_one, Scope.OPEN, ingest.BODIES),
    Route("GET", "/events/{element_key}/{instance}", ingest.take_for_one, Scope.OPEN, ingest.BODIES),
    #
    # What an instance's provider has; the hub's name may be any.
    Route("GET", "/objects", objects.list_objects, Scope.HUB),
    Route("GET", "/hubs/{hub}/objects", objects.list_objects_of_hub, Scope.HUB),
    Route("GET", "/instances/objects", objects.list_objects, Scope.ELEMENT),
    Route("GET", "/instances/{instance_id:int}/objects", objects.list_objects, Scope.USER),
    Route("GET", "/objects/{object_name}/metadata", object_fields.read_metadata, Scope.HUB),
    Route("GET", "/hubs/{hub}/objects/{object_name}/metadata", object_fields.read_metadata_of_hub, Scope.HUB),
    Route("GET", "/instances/objects/{object_name}/metadata", object_fields.read_metadata, Scope.ELEMENT),
    Route(
        "GET", "/instances/{instance_id:int}/objects/{object_name}/metadata", object_fields.read_metadata, Scope.USER
    ),
    Route("GET", "/ping", objects.ping, Scope.HUB),
    Route("GET", "/hubs/{hub}/ping", objects.ping_hub, Scope.HUB),
    #
    # What users define of objects, at each level.
    Route("GET", "/organizations/objects/definitions", definitions.list_definitions, Scope.USER),
    Route("GET", "/organizations/objects/{object_name}/definitions", definitions.read_definition, Scope.USER),
    Route(
        "GET",
        "/organizations/objects/{object_name}/transformations",
        definitions.list_transformations_of_object,
        Scope.USER,
    ),
    Route("GET", "/organizations/elements/{element}/transformations", definitions.list_transformations, Scope.USER),
    Route(
        "GET",
        "/organizations/elements/{element}/transformations/{object_name}",
        definitions.read_transformation,
        Scope.USER,
    ),
    Route("GET", "/accounts/objects/definitions", definitions.list_definitions, Scope.USER),
    Route("GET", "/accounts/objects/{object_name}/definitions", definitions.read_definition, Scope.USER),
    Route("GET", "/accounts/{account_id:int}/objects/definitions", definitions.list_of_account, Scope.USER),
    Route(
        "GET", "/accounts/{account_id:int}/objects/{object_name}/definitions", definitions.read_of_account, Scope.USER
    ),
    Route(
        "GET",
        "/accounts/{account_id:int}/elements/{element}/transformations",
        definitions.list_transformations_of_account,
        Scope.USER,
    ),
    Route(
        "GET",
        "/accounts/{account_id:int}/elements/{element}/transformations/{object_name}",
        definitions.read_transformation_of_account,
        Scope.USER,
    ),
    Route("GET", "/instances/objects/definitions", definitions.list_definitions, Scope.ELEMENT),
    Route("GET", "/instances/objects/{object_name}/definitions", definitions.read_definition, Scope.ELEMENT),
    Route("GET", "/instances/transformations", definitions.list_transformations_of_instance, Scope.ELEMENT),
    Route(
        "GET", "/instances/transformations/{object_name}", definitions.read_transformation_of_instance, Scope.ELEMENT
    ),
    Route("GET", "/instances/{instance_id:int}/objects/definitions", definitions.list_definitions, Scope.USER),
    Route(
        "GET",
        "/instances/{instance_id:int}/objects/{object_name}/definitions",
        definitions.read_definition,
        Scope.USER,
    ),
    Route(
        "GET",
        "/instances/{instance_id:int}/transformations",
        definitions.list_transformations_of_instance,
        Scope.USER,
    ),
    Route(
        "GET",
        "/instances/{instance_id:int}/transformations/{object_name}",
        definitions.read_transformation_of_instance,
        Scope.USER,
    ),
    #
    Route("GET", "/notices", notices.list_notices, Scope.USER),
    #
    # A number names a notification; `{notification_id}` and `{subscription_id}` must be of the caller's account.
    Route("POST", "/notifications", notifications.post, Scope.USER),
    Route("GET", "/notifications", notifications.list_of_topics, Scope.USER),
    Route("GET", "/notifications/{notification_id:int}", notifications.read, Scope.USER),
    Route("DELETE", "/notifications/{notification_id:int}", notifications.delete, Scope.USER),
    Route("PUT", "/notifications/{notification_id:int}/acknowledge", notifications.acknowledge, Scope.USER),
    Route("POST", "/notifications/emails", notifications.post_email, Scope.USER),
    #
    Route("POST", "/notifications/subscriptions", subscriptions.create, Scope.USER),
    Route("GET", "/notifications/subscriptions", subscriptions.list_all, Scope.USER),
    Route("GET", "/notifications/subscriptions/{subscription_id:int}", subscriptions.read, Scope.USER),
    Route("PUT", "/notifications/subscriptions/{subscription_id:int}", subscriptions.put, Scope.USER),
    Route("PATCH", "/notifications/subscriptions/{subscription_id:int}", subscriptions.patch, Scope.USER),
    Route("DELETE", "/notifications/subscriptions/{subscription_id:int}", subscriptions.delete, Scope.USER),
    Route("POST", "/notifications/subscriptions/{subscription_id:int}/rotate", subscriptions.rotate, Scope.USER),
    Route("POST", "/notifications/subscriptions/{subscription_id:int}/redrive", subscriptions.redrive, Scope.USER),
    #
    Route("GET", "/notifications/subscriptions/deliveries", deliveries.list_where, Scope.USER),
    Route("PUT", "/notifications/subscriptions/deliveries", deliveries.redeliver, Scope.USER),
    Route(
        "GET",
        "/notifications/{notification_id:int}/subscriptions/deliveries",
        deliveries.list_of_notification,
        Scope.USER,
    ),
    Route(
        "GET",
        "/notifications/{notification_id:int}/subscriptions/{subscription_id:int}/deliveries",
        deliveries.read,
        Scope.USER,
    ),
    #
    Route("GET", "/accounts/settings", settings.read, Scope.USER),
    Route("PATCH", "/accounts/settings", settings.write, Scope.USER),
    Route("POST", "/accounts/settings", settings.write, Scope.USER),
    Route("GET", "/accounts/{account_id:int}/settings", settings.read_of_account, Scope.USER),
    Route("POST", "/accounts/{account_id:int}/settings", settings.write_of_account, Scope.USER),
    Route("PATCH", "/accounts/{account_id:int}/settings", settings.write_of_account, Scope.USER),
    #
    # `{account}` and `{user}` must be ones that the caller may know of; a user is named by id or email.
    Route("POST", "/accounts", accounts.create, Scope.USER),
    Route("GET", "/accounts", accounts.list_all, Scope.USER),
    Route("GET", "/accounts/{account}", accounts.read, Scope.USER),
    Route("PUT", "/accounts/{account}", accounts.put, Scope.USER),
    Route("PATCH", "/accounts/{account}", accounts.patch, Scope.USER),
    Route("DELETE", "/accounts/{account}", accounts.delete, Scope.USER),
    Route("POST", "/accounts/{account}/users", users.create_of_account, Scope.USER),
    Route("GET", "/accounts/{account}/users", users.list_of_account, Scope.USER),
    Route("GET", "/accounts/{account}/roles", granting.list_of_account, Scope.USER),
    Route("PUT", "/accounts/{account}/roles/{role}", granting.grant_account, Scope.USER),
    Route("DELETE", "/accounts/{account}/roles/{role}", granting.revoke_account, Scope.USER),
    Route("POST", "/users", users.create, Scope.USER),
    Route("GET", "/users", users.list_all, Scope.USER),
    Route("GET", "/users/{user}", users.read, Scope.USER),
    Route("PATCH", "/users/{user}", users.patch, Scope.USER),
    Route("DELETE", "/users/{user}", users.delete, Scope.USER),
    Route("GET", "/users/{user}/roles", granting.list_of_user, Scope.USER),
    Route("PUT", "/users/{user}/roles/{role}", granting.grant_user, Scope.USER),
    Route("DELETE", "/users/{user}/roles/{role}", granting.revoke_user, Scope.USER),
    Route("GET", "/organizations/me", organizations.read, Scope.USER),
    Route("POST", "/organizations/secret", organizations.reset_secret, Scope.USER),
    Route("GET", "/organizations/password-policies", organizations.read_policy, Scope.USER),
    Route("PUT", "/organizations/password-policies", organizations.write_policy, Scope.USER),
    Route("GET", "/organizations/roles", granting.list_all, Scope.USER),
    Route("POST", "/organizations/users", users.create_of_organization, Scope.USER),
    Route("GET", "/organizations/users", users.list_of_organization, Scope.USER),
    Route("GET", "/organizations/{organization}/accounts", accounts.list_of_organization, Scope.USER),
    Route("GET", "/organizations/{organization}/accounts/{account}", accounts.read_of_organization, Scope.USER),
    #
    Route("GET", "/jobs", jobs.list_jobs, Scope.USER),
    Route("GET", "/jobs/polling-disabled", jobs.list_disabled, Scope.USER),
    Route("GET", "/jobs/{job_id}", jobs.read_job, Scope.USER),
    Route("POST", "/jobs", jobs.create, Scope.USER),
    Route("DELETE", "/jobs/{job_id}", jobs.delete, Scope.USER),
    #
    # Who has called what of the API.
    Route("GET", "/usage", usage.list_all, Scope.USER),
    Route("GET", "/usage/analytics/times", usage.count_times, Scope.USER),
    Route("GET", "/usage/analytics/statuses", usage.count_statuses, Scope.USER),
    Route("GET", "/usage/analytics/activity", usage.count_calls, Scope.USER),
    Route("GET", "/usage/analytics/activity/elements", usage.count_by_element, Scope.USER),
    Route("GET", "/usage/analytics/activity/created-count", usage.count_created, Scope.USER),
    Route("GET", "/usage/analytics/activity/{kind}-instances", usage.count_by_instance, Scope.USER),
    Route("GET", "/usage/analytics/activity/{kind}-instances/created-count", usage.count_created_of_kind, Scope.USER),
    Route("GET", "/usage/{request_id}", usage.read, Scope.USER),
    #
    # Many records at once. The same stands below a hub's name; `{bulk_id}` must be of the token's instance.
    *(
        Route(method, prefix + path, handler, Scope.HUB, bodies)
        for prefix in ("", "/hubs/{hub}")
        for method, path, handler, bodies in (
            ("POST", "/bulk/query", bulk.query, bulk_request.BODIES),
            ("POST", "/bulk/download", bulk.download, (JSON,)),
            ("POST", "/bulk/workflows", bulk.workflow, (JSON,)),
            ("GET", "/bulk/jobs", bulk.list_jobs, (JSON,)),
            ("GET", "/bulkloader", bulk.list_loads, (JSON,)),
            ("GET", "/bulk/{bulk_id}/status", bulk.status, (JSON,)),
            ("GET", "/bulk/{bulk_id}/errors", bulk_rows.list_errors, (JSON,)),
            ("PUT", "/bulk/{bulk_id}/cancel", bulk.cancel, (JSON,)),
            ("GET", "/bulk/{bulk_id}/{object_name:path}/data", bulk_rows.read_data, (JSON,)),
            ("GET", "/bulk/{bulk_id}/{object_name:path}", bulk_rows.read_file, (JSON,)),
            ("POST", "/bulk/{object_name:path}", bulk_upload.upload, (MULTIPART,)),
        )
    ),
)

# A user's calls of a provider's records. A path that is one of those above is never an object's (`is_objects`).
HUB = (
    Route("GET", "/hubs/{hub}/{object:path}", hub.read, Scope.HUB),
    Route("POST", "/hubs/{hub}/{object:path}", hub_writes.create, Scope.HUB),
    Route("PATCH", "/hubs/{hub}/{object:path}", hub_writes.update, Scope.HUB),
    Route("PUT", "/hubs/{hub}/{object:path}", hub_writes.put, Scope.HUB),
    Route("DELETE", "/hubs/{hub}/{object:path}", hub_writes.delete, Scope.HUB),
    Route("GET", "/{object:path}", hub.read, Scope.HUB),
    Route("POST", "/{object:path}", hub_writes.create, Scope.HUB),
    Route("PATCH", "/{object:path}", hub_writes.update, Scope.HUB),
    Route("PUT", "/{object:path}", hub_writes.put, Scope.HUB),
    Route("DELETE", "/{object:path}", hub_writes.delete, Scope.HUB),
)

ROUTES = (
    Route("GET", "/health", health.health, Scope.OPEN),
    Route("GET", "/ready", health.ready, Scope.OPEN),
    Route("GET", "/metrics", metrics.show, Scope.OPEN),
    *(route._replace(path=BASE + route.path) for route in (*PLATFORM, *HUB)),
)

_OWN = frozenset(route.path.split("/")[1] for route in PLATFORM)
_OWN_OF_HUBS = frozenset(route.path.split("/")[3] for route in PLATFORM if re.match(r"/hubs/\{[^/]+/\w", route.path))


def is_objects(path: str, names: Container[str]) -> bool:
    """Whether a path may be an object's, some of which have these names.

    What it begins with, or has behind the hub's name, is none of our routes'. A name may be an object's as well as ours
    (`/organizations`): then a path is an object's that is none of ours, whatever the verb.
    """
    first, *rest = path.removeprefix(f"{BASE}/").split("/")
    if first == "hubs":
        return len(rest) > 1 and rest[1] not in _OWN_OF_HUBS
    if first not in _OWN:
        return True
    return first in names and not any(each.match(path) for each in _patterns(first))


@cache
def _patterns(first: str) -> Sequence[re.Pattern[str]]:
    """The paths of our routes that begin with this segment."""
    return [compile_path(BASE + route.path)[0] for route in PLATFORM if route.path.split("/")[1] == first]
