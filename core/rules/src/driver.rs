//! Gateway drivers: the gateway controllers that Causeway can work with, and what follows from the choice before anything is rendered.
//!
//! What a driver renders, watches and reports is in the crate `causeway-render`, module `driver`, in one file for each variant of [`Driver`].

use causeway_records::{
    inputs::{ClassInCluster, ListenerKey, Transport},
    nouns::Service,
};

/// The name by which Envoy Gateway finds its GatewayClasses.
const ENVOY_GATEWAY: &str = "gateway.envoyproxy.io/gatewayclass-controller";

/// Ports below this one need a privilege that the proxies of some controllers do not have.
const FIRST_UNPRIVILEGED_PORT: i32 = 1024;

/// What the proxy of a Gateway binds for listeners of one port. Every listener of a Gateway that has the same socket must have the same port and
/// protocol; TCP and UDP have sockets of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Socket {
    /// The number that the proxy binds.
    pub bound_port: i32,
    /// What it is bound for.
    pub transport: Transport,
}

/// Kinds of demands on a path, in their order: where several match, a request goes to the highest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum PathRank {
    Prefix,
    /// Above all prefixes and below all exact paths.
    Between,
    Exact,
}

/// A gateway controller that Causeway can work with. The set is closed: a new one is a variant here, and the compiler lists what it needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Driver {
    /// Envoy Gateway, driven through the objects of Gateway API.
    EnvoyGateway,
    /// Any other controller of Gateway API, whose GatewayClass somebody else has made. What it can do is said by that class, see
    /// [`Capabilities`](crate::capabilities::Capabilities).
    Standard,
}

impl Driver {
    /// Every driver, for tests that hold for each of them.
    pub const ALL: &[Self] = &[Self::EnvoyGateway, Self::Standard];

    /// The driver of a gateway, by the `GatewayClassName` of its definition and what its cluster says of that class. None means that Causeway makes a
    /// GatewayClass of its own, for the default driver. One that the cluster doesn't have, as far as is known, is taken for one of the default driver, too.
    pub fn of_class(class: Option<&str>, known: &ClassInCluster) -> Self {
        match (class, &known.class) {
            (Some(_), Some(seen)) => Self::of_controller(&seen.controller),
            _ => Self::EnvoyGateway,
        }
    }

    /// The driver of the classes of a controller, by its name in `spec.controllerName`.
    pub fn of_controller(name: &str) -> Self {
        if name == ENVOY_GATEWAY { Self::EnvoyGateway } else { Self::Standard }
    }

    /// The name of its controller, to which the classes that Causeway makes are handed. Those are all of the default driver.
    pub fn controller(self) -> &'static str {
        match self {
            Self::EnvoyGateway | Self::Standard => ENVOY_GATEWAY,
        }
    }

    /// Whether its controller has ListenerSets although its classes list no features.
    pub fn has_unlisted_listener_sets(self) -> bool {
        match self {
            Self::EnvoyGateway => true,
            Self::Standard => false,
        }
    }

    /// The driver by which sockets and the order of matches are judged. Both are on record with a gateway, and a cluster can say something else of a class
    /// tomorrow: so they follow from no more than the name. A class by name is taken for one of Envoy Gateway, which excludes more than others do.
    pub fn for_class(_class: Option<&str>) -> Self {
        Self::EnvoyGateway
    }

    /// The support services that a cluster needs before this driver can carry a gateway, in the order in which they are installed. What
    /// certificates and DNS need is not among them.
    pub fn services(self) -> &'static [Service] {
        match self {
            Self::EnvoyGateway => &[Service::GatewayApi, Service::EnvoyGateway],
            // Whoever has made the class has installed its controller.
            Self::Standard => &[Service::GatewayApi],
        }
    }

    /// The socket that the proxy binds for a listener.
    pub fn socket(self, listener: &ListenerKey) -> Socket {
        Socket { bound_port: self.bound_port(listener.port), transport: listener.protocol.transport() }
    }

    /// The port that the proxy binds for a listener's port (1 to 65535). Listeners of one Gateway and transport must differ in it, not only in
    /// their own port.
    pub fn bound_port(self, port: i32) -> i32 {
        if port < FIRST_UNPRIVILEGED_PORT { port + self.low_port_offset() } else { port }
    }

    /// Where a regular expression for a path stands. Gateway API leaves it to the controller, and says only that an exact path comes before prefixes.
    pub(crate) fn rank_of_regular_path(self) -> PathRank {
        match self {
            Self::EnvoyGateway | Self::Standard => PathRank::Between,
        }
    }

    /// Whether a method counts as one more header, where by Gateway API it counts more than any number of them.
    pub(crate) fn counts_methods_as_headers(self) -> bool {
        match self {
            Self::EnvoyGateway => true,
            Self::Standard => false,
        }
    }

    /// What a proxy adds to a port below 1024; 0 if it may bind such ports as they are.
    fn low_port_offset(self) -> i32 {
        match self {
            // Envoy Gateway's containers run without privileges. Of another controller's proxies nothing is known.
            Self::EnvoyGateway | Self::Standard => 10_000,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use causeway_records::inputs::GatewayClassFacts;
    use proptest::prelude::*;

    fn driver() -> impl Strategy<Value = Driver> {
        proptest::sample::select(Driver::ALL)
    }

    #[test]
    fn envoy_gateway_moves_privileged_ports() {
        let bound = |port| Driver::EnvoyGateway.bound_port(port);
        assert_eq!([1, 80, 443, 1023].map(bound), [10_001, 10_080, 10_443, 11_023]);
        assert_eq!([1024, 8080, 10_080, 65_535].map(bound), [1024, 8080, 10_080, 65_535]);
    }

    #[test]
    fn the_definitions_are_installed_before_the_controller() {
        assert_eq!(Driver::for_class(None).services(), [Service::GatewayApi, Service::EnvoyGateway]);
    }

    #[test]
    fn a_class_is_driven_by_the_standard_alone_once_its_controller_is_known_to_be_another() {
        let of = |controller: &str| {
            let class = GatewayClassFacts { controller: controller.into(), ..GatewayClassFacts::default() };
            ClassInCluster { class: Some(class), api: None }
        };
        assert_eq!(Driver::of_class(Some("traefik"), &of("traefik.io/gateway-controller")), Driver::Standard);
        assert_eq!(Driver::of_class(Some("internal"), &of(ENVOY_GATEWAY)), Driver::EnvoyGateway);
        assert_eq!(Driver::of_class(Some("unknown"), &ClassInCluster::default()), Driver::EnvoyGateway);
        assert_eq!(Driver::of_class(None, &ClassInCluster::default()), Driver::EnvoyGateway);
        assert_eq!(Driver::Standard.services(), [Service::GatewayApi]);
    }

    proptest! {
        #[test]
        fn a_bound_port_is_a_port_that_stays(driver in driver(), port in 1..=65_535) {
            let bound = driver.bound_port(port);
            prop_assert!((1..=65_535).contains(&bound));
            prop_assert_eq!(driver.bound_port(bound), bound);
        }

        #[test]
        fn only_a_privileged_port_and_its_double_exclude_each_other(driver in driver(), low in 1..=2000, other in 1..=65_535) {
            let double = low + driver.low_port_offset();
            for high in [double, other] {
                let clash = low != high && driver.bound_port(low) == driver.bound_port(high);
                let is_double = |one: i32, other: i32| {
                    one < FIRST_UNPRIVILEGED_PORT && one != other && other == one + driver.low_port_offset()
                };
                prop_assert_eq!(clash, is_double(low, high) || is_double(high, low));
            }
        }

        #[test]
        fn no_service_is_needed_twice(class in proptest::option::of("[a-z][a-z0-9-]{0,20}")) {
            let services = Driver::for_class(class.as_deref()).services();
            for (index, service) in services.iter().enumerate() {
                prop_assert!(!services[..index].contains(service));
            }
        }
    }
}
