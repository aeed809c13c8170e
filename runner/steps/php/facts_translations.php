<?php
// Included before facts.php: translations, including additional languages that the site does not have.
/** Installed translation packs with their offers, and offers of packs that are not installed. */
function sitecrew_translations() {
	$found = array();
	foreach ( array( 'core' => 'core', 'plugin' => 'plugins', 'theme' => 'themes' ) as $type => $family ) {
		foreach ( wp_get_installed_translations( $family ) as $slug => $languages ) {
			foreach ( $languages as $language => $about ) {
				if ( 'core' === $type && 'default' !== $slug ) {
					continue;
				}
				$found[ "$type $slug $language" ] = array(
					'type'      => $type,
					'slug'      => (string) $slug,
					'language'  => $language,
					'installed' => sitecrew_moment( isset( $about['PO-Revision-Date'] ) ? $about['PO-Revision-Date'] : '' ),
				);
			}
		}
	}
	foreach ( array_merge( wp_get_translation_updates(), $GLOBALS['sitecrew_more'] ) as $offer ) {
		$key  = sitecrew_field( $offer, 'type' ) . ' ' . sitecrew_field( $offer, 'slug' ) . ' ' . sitecrew_field( $offer, 'language' );
		$base = array(
			'type'     => sitecrew_field( $offer, 'type' ),
			'slug'     => sitecrew_field( $offer, 'slug' ),
			'language' => sitecrew_field( $offer, 'language' ),
		);

		$found[ $key ] = ( isset( $found[ $key ] ) ? $found[ $key ] : $base ) + array(
			'offered' => sitecrew_moment( sitecrew_field( $offer, 'updated' ) ),
			'package' => sitecrew_without_keys( sitecrew_field( $offer, 'package' ) ),
			'link'    => sitecrew_linked_file( $base ),
		);
	}
	return array_values( $found );
}

/** A file of a pack that is a link: WordPress would write to its target. */
function sitecrew_linked_file( $pack ) {
	$core = 'core' === $pack['type'];
	$stem = WP_LANG_DIR . '/' . ( $core ? '*' : "{$pack['type']}s/{$pack['slug']}-" ) . $pack['language'];
	foreach ( array_merge( (array) glob( "$stem.*" ), (array) glob( "$stem-*.json" ) ) as $file ) {
		if ( $file && is_link( $file ) ) {
			return basename( $file );
		}
	}
	return '';
}

/** Adds languages to WordPress's own requests for updates of plugins and themes. */
function sitecrew_ask_for( $locales ) {
	$more = function ( $known ) use ( $locales ) {
		return array_values( array_unique( array_merge( (array) $known, $locales ) ) );
	};
	add_filter( 'plugins_update_check_locales', $more );
	add_filter( 'themes_update_check_locales', $more );
}

/** Removes and returns offers in those languages; otherwise WordPress would install them automatically. */
function sitecrew_take_more( $locales ) {
	$more = array();
	foreach ( $locales ? array( 'update_plugins', 'update_themes' ) : array() as $transient ) {
		$value = get_site_transient( $transient );
		$kept  = array();
		foreach ( is_object( $value ) && ! empty( $value->translations ) ? $value->translations : array() as $offer ) {
			if ( in_array( $offer['language'], $locales, true ) ) {
				$more[] = (object) $offer;
			} else {
				$kept[] = $offer;
			}
		}
		if ( is_object( $value ) ) {
			$value->translations = $kept;
			set_site_transient( $transient, $value );
		}
	}
	return $more;
}

/** Translations of WordPress in those languages; null if wordpress.org did not answer. */
function sitecrew_core_languages( $locales ) {
	require_once ABSPATH . 'wp-admin/includes/translation-install.php';
	$more    = array();
	$missing = array_diff( $locales, get_available_languages() );
	$answer  = $missing ? translations_api( 'core', array( 'version' => $GLOBALS['wp_version'] ) ) : array( 'translations' => array() );
	if ( is_wp_error( $answer ) || ! isset( $answer['translations'] ) ) {
		return null;
	}
	foreach ( $answer['translations'] as $offer ) {
		if ( in_array( $offer['language'], $missing, true ) ) {
			$more[] = (object) ( array( 'type' => 'core', 'slug' => 'default' ) + $offer );
		}
	}
	return $more;
}
