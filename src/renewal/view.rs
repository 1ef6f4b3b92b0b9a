//! Views: what a sidecar is for, and so what it is sent. One beside the Exchange front end of three tenants
//! need not hold, and cannot lose, what is known of others.

use crate::domain::{TenantId, WorkloadName};
use serde::Deserialize;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Which tenants and workloads a sidecar answers about; an empty set means all. Engineers are the provider's
/// own people: every sidecar is told of them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct View {
    /// The workloads.
    pub workloads: BTreeSet<WorkloadName>,
    /// The tenants.
    pub tenants: BTreeSet<TenantId>,
}

/// Where an item belongs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    /// Every sidecar needs it.
    Everywhere,
    /// A tenant's facts; the tenant is in the key.
    Tenant,
    /// An AccessRequest for a tenant's content in a workload.
    Access(Arc<(TenantId, WorkloadName)>),
}

impl View {
    /// Whether it shows everything.
    pub fn is_whole(&self) -> bool {
        self.workloads.is_empty() && self.tenants.is_empty()
    }

    /// Whether it shows what belongs to this tenant.
    pub fn shows_tenant(&self, tenant: &str) -> bool {
        self.tenants.is_empty() || self.tenants.contains(tenant)
    }

    /// Whether it shows what belongs to this workload.
    pub fn shows_workload(&self, workload: &str) -> bool {
        self.workloads.is_empty() || self.workloads.contains(workload)
    }

    /// Whether it shows the item of this key. What is gone and was not known before belongs nowhere, and is shown:
    /// a sidecar that may hold it must learn of it.
    pub(super) fn shows(&self, key: &str, place: Option<&Place>) -> bool {
        match place {
            None | Some(Place::Everywhere) => true,
            Some(Place::Tenant) => key.split_once('/').is_none_or(|(_, tenant)| self.shows_tenant(tenant)),
            Some(Place::Access(of)) => self.shows_tenant(of.0.as_str()) && self.shows_workload(of.1.as_str()),
        }
    }
}

impl Place {
    /// Where an item with this key and content belongs; one that cannot be read is everybody's, who will then say
    /// that it cannot be read.
    pub(super) fn of(key: &str, payload: &[u8]) -> Self {
        /// Two members of an encoded AccessRequest.
        #[derive(Deserialize)]
        struct Told<'t> {
            tenant: &'t str,
            workload: &'t str,
        }
        match key.split_once('/') {
            Some(("tenant", _)) => Self::Tenant,
            Some(("access", _)) => {
                let told: Option<Told<'_>> = serde_json::from_slice(payload).ok();
                let names = told.and_then(|told| {
                    Some((TenantId::parse(told.tenant).ok()?, WorkloadName::parse(told.workload).ok()?))
                });
                names.map_or(Self::Everywhere, |names| Self::Access(Arc::new(names)))
            }
            _ => Self::Everywhere,
        }
    }
}
