//! Cutting a stand-alone network out of a super-net.

use super::Widths;
use crate::NetworkError;
use crate::channels::Channels;
use crate::checkpoint::StateDict;

/// State dict of the stand-alone network of configuration `c`, [`super::SubMobileResnet`], cut out of that of a super-net (or
/// any mobile generator with instance norm): the leading block of every tensor, `weight[0:a, 0:b]` and `bias[0:a]`.
///
/// The result is of the same element type and on the same device, holds memory of its own, and computes what the super-net
/// computes at `c`. Images keep their channels.
///
/// # Errors
/// [`NetworkError::Weights`] where keys or shapes are not those of such a network; [`NetworkError::ChannelRange`] where it is
/// narrower than `c`.
pub fn export_subnet(super_state: &StateDict, c: &Channels) -> Result<StateDict, NetworkError> {
    let have = Widths::of_state(super_state)?;
    let want = Widths::of(c, (have.input, have.output), 9);
    let inner = |group: usize| have.inner[3 * group..3 * group + 3].iter().min().expect("three blocks") / 4;
    let limits =
        [have.stem, have.half / 2, have.trunk / 4, inner(0), inner(1), inner(2), have.half_up / 2, have.full_up];
    let values = c.values();
    if let Some(position) = (0..8).find(|&position| values[position] > limits[position]) {
        return Err(NetworkError::ChannelRange {
            configuration: c.to_string(),
            position,
            value: values[position],
            most: limits[position],
            why: ", the width of the weights",
        });
    }
    Ok(want.leading(super_state))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Net;
    use crate::mobile_resnet::{MobileConfig, SubMobileResnet, SuperMobileResnet};
    use tch::{Device, Kind};

    #[test]
    fn the_first_channels_are_kept_in_memory_of_their_own() {
        let config = MobileConfig { in_channels: 1, out_channels: 2, ..MobileConfig::published(8) };
        let net = Net::new(Device::Cpu, |p| SuperMobileResnet::new(p, &config));
        let c: Channels = "8_4_6_5_3_8_2_7".parse().unwrap();
        let exported = export_subnet(&net.state(), &c).unwrap();
        let alone = Net::new(Device::Cpu, |p| SubMobileResnet::with_images(p, &c, 1, 2));
        let shapes = |state: &StateDict| state.iter().map(|(k, t)| (k.clone(), t.size())).collect::<Vec<_>>();
        assert_eq!(shapes(&exported), shapes(&alone.state()));
        let key = "model.14.conv_block.6.conv.2.weight";
        let before = exported[key].copy();
        assert_eq!(before, net.state()[key].narrow(0, 0, 24).narrow(1, 0, 12).copy());
        let _ = tch::no_grad(|| net.flat().shallow_clone().zero_());
        assert!(exported.values().all(|t| !t.requires_grad() && t.is_contiguous()));
        assert!(exported[key].abs().sum(Kind::Float).double_value(&[]) > 0.0 && exported[key] == before);
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let net = Net::new(Device::Cpu, |p| SuperMobileResnet::new(p, &MobileConfig::published(4)));
        let wide = export_subnet(&net.state(), &"4_4_4_4_5_4_4_4".parse().unwrap()).unwrap_err().to_string();
        assert!(wide.contains("c4 is 5; expected 1 to 4, the width of the weights"), "{wide}");
        let narrow = export_subnet(&net.state(), &"4_4_3_4_4_4_4_4".parse().unwrap()).unwrap();
        // What was cut out can be cut again.
        assert!(export_subnet(&narrow, &Channels::full(3)).is_ok());
        assert!(
            export_subnet(&narrow, &Channels::full(4)).unwrap_err().to_string().contains("c2 is 4; expected 1 to 3")
        );
        let none = export_subnet(&StateDict::new(), &Channels::full(4)).unwrap_err();
        assert!(matches!(&none, NetworkError::Weights { what, .. } if what.contains("there is no model.")), "{none}");
    }
}
