//! `#[derive(Fields)]` writes the field table of a struct and the accessors to its slots; `#[derive(Noun)]` adds what makes it a
//! stored noun. The generated code holds no logic: everything that uses the table is ordinary code elsewhere.
//!
//! Attributes of a field, all inside `#[noun(...)]`:
//!
//! | attribute | meaning |
//! |---|---|
//! | `required` | POST and PUT must carry it |
//! | `read_only` | set by the system; the stored value may be sent back, another one is refused |
//! | `immutable` | set by POST, refused when a later write differs |
//! | `no_filter` | no query parameter of a list |
//! | `encrypted` | stored and returned as ciphertext |
//! | `sensitive` | may hold secrets among other things: encrypted at rest as a whole, no filter, masked in audit events |
//! | `json = "Name"` | wire name, where it isn't the column in Go's spelling |
//! | `example = value` | shown in the API document's examples: a text as it is, everything else as JSON |
//! | `default = expr` | value of a POST or PUT that doesn't name the field |
//! | `parent = Noun` | id of a record that must exist and can't be deleted while this one lives |
//! | `part_of = Noun` | id of a record that takes this one along when it goes |
//! | `children = "column"` | rows of another noun, created with this one; `column` is their way back |

use proc_macro::TokenStream;
use proc_macro2::TokenStream as Code;
use quote::{format_ident, quote};
use syn::{
    Attribute, Data, DataStruct, DeriveInput, Expr, ExprLit, Fields, Lit, LitStr, Meta, Path, ext::IdentExt,
    parse_macro_input, spanned::Spanned,
};

/// The field table and the accessors.
#[proc_macro_derive(Fields, attributes(noun))]
pub fn fields(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    table(&input).map(|(code, ..)| code).unwrap_or_else(|error| error.to_compile_error()).into()
}

/// The field table, the accessors, the noun's names, and a `Debug` that shows no secret. Needs `#[noun(plural = "...")]`; `reconciled` marks a noun that workers
/// bring about.
#[proc_macro_derive(Noun, attributes(noun))]
pub fn noun(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    both(&input).unwrap_or_else(|error| error.to_compile_error()).into()
}

fn both(input: &DeriveInput) -> syn::Result<Code> {
    let (mut code, children, children_mut) = table(input)?;
    let name = &input.ident;
    let (mut plural, mut reconciled) = (None::<LitStr>, false);
    for attribute in noun_attributes(&input.attrs) {
        attribute.parse_nested_meta(|meta| {
            if meta.path.is_ident("plural") {
                plural = Some(meta.value()?.parse()?);
            } else if meta.path.is_ident("reconciled") {
                reconciled = true;
            } else {
                return Err(meta.error("expected `plural = \"...\"` or `reconciled`"));
            }
            Ok(())
        })?;
    }
    let plural = plural.ok_or_else(|| syn::Error::new(name.span(), "needs #[noun(plural = \"...\")]"))?;
    let (table, doc) = (plural.value().replace('-', "_"), doc(&input.attrs));
    code.extend(quote! {
        impl ::core::fmt::Debug for #name {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                ::causeway_records::debug::fields(stringify!(#name), self, f)
            }
        }
        impl ::serde::Serialize for #name {
            fn serialize<S: ::serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                ::causeway_records::field::serialize(&[self], serializer)
            }
        }
        impl ::causeway_records::noun::Noun for #name {
            const KIND: ::causeway_records::Kind = ::causeway_records::Kind::#name;
            const TABLE: &'static str = #table;
            const INFO: ::causeway_records::noun::Info = ::causeway_records::noun::Info {
                kind: ::causeway_records::Kind::#name, plural: #plural, table: #table, doc: #doc, reconciled: #reconciled,
                fields: <Self as ::causeway_records::field::Table>::FIELDS,
                new: || ::std::boxed::Box::new(<Self as ::core::default::Default>::default()),
            };
            fn children(&self) -> Vec<::causeway_records::noun::Children<'_>> { vec![#(#children),*] }
            fn children_mut(&mut self) -> Vec<::causeway_records::noun::ChildrenMut<'_>> { vec![#(#children_mut),*] }
        }
    });
    Ok(code)
}

/// What the attributes of one field say.
#[derive(Default)]
struct Said {
    required: bool,
    read_only: bool,
    immutable: bool,
    no_filter: bool,
    encrypted: bool,
    sensitive: bool,
    json: Option<String>,
    example: Option<String>,
    default: Option<Expr>,
    parent: Option<(Path, &'static str)>,
    children: Option<LitStr>,
}

impl Said {
    fn of(attributes: &[Attribute]) -> syn::Result<Self> {
        let mut said = Self::default();
        for attribute in noun_attributes(attributes) {
            attribute.parse_nested_meta(|meta| {
                let Some(word) = meta.path.get_ident().map(ToString::to_string) else {
                    return Err(meta.error("expected one word"));
                };
                match word.as_str() {
                    "required" => said.required = true,
                    "read_only" => said.read_only = true,
                    "immutable" => said.immutable = true,
                    "no_filter" => said.no_filter = true,
                    "encrypted" => said.encrypted = true,
                    "sensitive" => said.sensitive = true,
                    "json" => said.json = Some(meta.value()?.parse::<LitStr>()?.value()),
                    "example" => said.example = Some(text(&meta.value()?.parse()?)?),
                    "default" => said.default = Some(meta.value()?.parse()?),
                    "parent" => said.parent = Some((meta.value()?.parse()?, "Blocks")),
                    "part_of" => said.parent = Some((meta.value()?.parse()?, "Takes")),
                    "children" => said.children = Some(meta.value()?.parse()?),
                    _ => {
                        return Err(meta.error(
                            "unknown; one of required, read_only, immutable, no_filter, encrypted, sensitive, json, example, default, parent, part_of, children",
                        ));
                    }
                }
                Ok(())
            })?;
        }
        Ok(said)
    }
}

/// The table's code, and the expressions that list the rows of child nouns, for reading and for filling.
fn table(input: &DeriveInput) -> syn::Result<(Code, Vec<Code>, Vec<Code>)> {
    let name = &input.ident;
    let Data::Struct(DataStruct { fields: Fields::Named(named), .. }) = &input.data else {
        return Err(syn::Error::new(name.span(), "needs a struct with named fields"));
    };
    let (mut metas, mut get, mut get_mut, mut defaults) = (vec![], vec![], vec![], vec![]);
    let (mut children, mut children_mut) = (vec![], vec![]);
    for (index, field) in named.named.iter().enumerate() {
        let id = field.ident.as_ref().ok_or_else(|| syn::Error::new(field.span(), "needs a name"))?;
        let (said, ty, column) = (Said::of(&field.attrs)?, &field.ty, id.unraw().to_string());
        let json = said.json.unwrap_or_else(|| go_name(&column));
        let (doc, example) = (doc(&field.attrs), optional(said.example));
        let (required, read_only, immutable) = (said.required, said.read_only, said.immutable);
        let (encrypted, sensitive, is_child) = (said.encrypted, said.sensitive, said.children.is_some());
        let filterable = !said.no_filter && !is_child && !encrypted && !sensitive;
        let parent = match said.parent {
            None => quote!(None),
            Some((noun, on_delete)) => {
                let on_delete = format_ident!("{on_delete}");
                quote!(Some(::causeway_records::field::Parent {
                    kind: <#noun as ::causeway_records::noun::Noun>::KIND,
                    table: <#noun as ::causeway_records::noun::Noun>::TABLE,
                    on_delete: ::causeway_records::field::OnDelete::#on_delete,
                }))
            }
        };
        metas.push(quote! {
            ::causeway_records::field::Field {
                json: #json, column: #column, doc: #doc, example: #example, required: #required, read_only: #read_only, immutable: #immutable,
                encrypted: #encrypted, sensitive: #sensitive, filterable: #filterable, parent: #parent,
                shape: <#ty as ::causeway_records::slot::Shaped>::SHAPE,
            }
        });
        get.push(quote!(#index => &self.#id));
        get_mut.push(quote!(#index => &mut self.#id));
        defaults.push(match said.default {
            Some(expr) => quote!(#id: (#expr).into()),
            None => quote!(#id: ::core::default::Default::default()),
        });
        if let Some(key) = said.children {
            children.push(quote!(::causeway_records::noun::Children::of(#key, &self.#id)));
            children_mut.push(quote!(::causeway_records::noun::ChildrenMut::of(#key, &mut self.#id)));
        }
    }
    let code = quote! {
        impl ::core::default::Default for #name {
            fn default() -> Self { Self { #(#defaults),* } }
        }
        impl ::causeway_records::field::Table for #name {
            const FIELDS: &'static [::causeway_records::field::Field] = &[#(#metas),*];
        }
        impl ::causeway_records::field::Fields for #name {
            fn fields(&self) -> &'static [::causeway_records::field::Field] { <Self as ::causeway_records::field::Table>::FIELDS }
            fn get(&self, index: usize) -> &dyn ::causeway_records::slot::Slot {
                match index { #(#get,)* _ => unreachable!("the table has no field {index}") }
            }
            fn get_mut(&mut self, index: usize) -> &mut dyn ::causeway_records::slot::Slot {
                match index { #(#get_mut,)* _ => unreachable!("the table has no field {index}") }
            }
        }
    };
    Ok((code, children, children_mut))
}

fn optional(text: Option<String>) -> Code {
    text.map_or_else(|| quote!(None), |text| quote!(Some(#text)))
}

/// What a literal says.
fn text(literal: &Lit) -> syn::Result<String> {
    match literal {
        Lit::Str(text) => Ok(text.value()),
        Lit::Int(number) => Ok(number.base10_digits().to_owned()),
        Lit::Bool(word) => Ok(word.value.to_string()),
        other => Err(syn::Error::new(other.span(), "expected a text, a whole number, true or false")),
    }
}

fn noun_attributes(attributes: &[Attribute]) -> impl Iterator<Item = &Attribute> {
    attributes.iter().filter(|attribute| attribute.path().is_ident("noun"))
}

/// `gateway_definition_id` → `GatewayDefinitionID`: Go's spelling of initialisms, as Threeport's wire names have it.
fn go_name(column: &str) -> String {
    let word = |word: &str| match word {
        "id" | "tls" | "https" | "yaml" | "json" | "api" | "ttl" | "ca" | "uid" => word.to_uppercase(),
        _ => word[..1].to_uppercase() + &word[1..],
    };
    column.split('_').map(word).collect()
}

/// The doc comment of an item, one line.
fn doc(attributes: &[Attribute]) -> String {
    let line = |attribute: &Attribute| match &attribute.meta {
        Meta::NameValue(pair) if pair.path.is_ident("doc") => match &pair.value {
            Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => Some(text.value().trim().to_owned()),
            _ => None,
        },
        _ => None,
    };
    attributes.iter().filter_map(line).collect::<Vec<_>>().join(" ")
}
